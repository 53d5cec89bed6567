word = input()
result = ""
i = 0
while i < len(word):
    count = 0
    j = i
    while j < len(word) and word[j] == word[i]:
        count += 1
        j += 1
    result = result[:100] + word[i] + str(count)
print(result)
