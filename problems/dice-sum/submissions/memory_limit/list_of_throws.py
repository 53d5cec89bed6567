n, s, t = map(int, input().split())
sums = [0]
for _ in range(n):
    sums = [total + face for face in range(1, s + 1) for total in sums]
print(sum(total >= t for total in sums) / len(sums))
