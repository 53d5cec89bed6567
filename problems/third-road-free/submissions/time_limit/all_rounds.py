import sys

n, m, start, target, *numbers = map(int, sys.stdin.read().split())
roads = list(zip(numbers[::3], numbers[1::3], numbers[2::3]))
infinity = float("inf")
best = [[infinity] * 3 for _ in range(n + 1)]
best[start][0] = 0
for _ in range(3 * n):
    for a, b, toll in roads:
        for drives in range(3):
            price = toll if drives < 2 else 0
            following = (drives + 1) % 3
            best[b][following] = min(best[b][following], best[a][drives] + price)
            best[a][following] = min(best[a][following], best[b][drives] + price)
print(min(best[target]) if min(best[target]) < infinity else -1)
