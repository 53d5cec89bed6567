n = int(input())
rows = [list(map(int, input().split())) for _ in range(n)]
print(abs(sum(rows[i][i] - rows[i][n - 1 - i] for i in range(n))))
