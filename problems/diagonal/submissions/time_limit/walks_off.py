n = int(input())
rows = [list(map(int, input().split())) for _ in range(n)]
down = up = 0
i, j = 0, n - 1
while i != j + n:
    down += rows[i % n][i % n]
    up += rows[i % n][j % n]
    i += 1
    j += 1
print(abs(down - up))
