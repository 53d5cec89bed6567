word = input()
result = ""
count = 1
for i in range(1, len(word)):
    if word[i] == word[i - 1]:
        count += 1
    else:
        result += word[i - 1] + str(count)
        count = 1
print(result)
