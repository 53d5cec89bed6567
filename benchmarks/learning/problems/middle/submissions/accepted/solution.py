word = input()
half = (len(word) - 1) // 2
print(word[half : len(word) - half])
