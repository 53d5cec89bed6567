word = input()
result = ""
i = 0
while i < len(word):
    count = 1
    while word[i] == word[i + 1]:
        count += 1
        i += 1
    result += word[i] + str(count)
    i += 1
print(result)
