n = int(input())
table = [[0] * 8000 for _ in range(8000)]
for i in range(n):
    for j, number in enumerate(input().split()):
        table[i][j] = int(number)
print(abs(sum(table[i][i] - table[i][n - 1 - i] for i in range(n))))
