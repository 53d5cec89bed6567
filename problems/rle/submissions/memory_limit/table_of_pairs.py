word = input()
n = len(word)
run = [[0] * n for _ in range(n)]
for i in range(n):
    for j in range(i, n):
        if word[j] != word[i]:
            break
        run[i][j] = j - i + 1
result = ""
i = 0
while i < n:
    length = max(run[i])
    result += word[i] + str(length)
    i += length
print(result)
