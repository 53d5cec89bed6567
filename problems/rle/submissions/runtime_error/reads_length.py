n = int(input())
word = input()
print(n, word)
