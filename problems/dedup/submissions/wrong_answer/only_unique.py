words = input().split()
print(*(word for word in words if words.count(word) == 1))
