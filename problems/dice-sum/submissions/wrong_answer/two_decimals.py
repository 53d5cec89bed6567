n, s, t = map(int, input().split())
ways = {0: 1}
for _ in range(n):
    longer = {}
    for total, count in ways.items():
        for face in range(1, s + 1):
            longer[total + face] = longer.get(total + face, 0) + count
    ways = longer
print(f"{sum(count for total, count in ways.items() if total >= t) / s**n:.2f}")
