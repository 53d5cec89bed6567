word = input()
print("".join(letter + str(word.count(letter)) for letter in dict.fromkeys(word)))
