n = int(input())
rows = [[int(input()) for _ in range(n)] for _ in range(n)]
print(abs(sum(rows[i][i] - rows[i][n - 1 - i] for i in range(n))))
