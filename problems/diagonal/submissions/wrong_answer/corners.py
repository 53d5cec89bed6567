n = int(input())
rows = [list(map(int, input().split())) for _ in range(n)]
print(abs(rows[0][0] + rows[-1][-1] - rows[0][-1] - rows[-1][0]))
