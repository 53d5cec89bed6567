word = input()
print(word[len(word) // 2])
