import sys

n, m, start, target, *numbers = map(int, sys.stdin.read().split())
infinity = float("inf")
size = 3 * n + 3
price = [[infinity] * size for _ in range(size)]
for a, b, toll in zip(numbers[::3], numbers[1::3], numbers[2::3]):
    for drives in range(3):
        paid = toll if drives < 2 else 0
        for u, v in ((a, b), (b, a)):
            i, j = 3 * u + drives, 3 * v + (drives + 1) % 3
            price[i][j] = min(price[i][j], paid)
best = [infinity] * size
best[3 * start] = 0
open_states = set(range(size))
while open_states:
    state = min(open_states, key=best.__getitem__)
    open_states.remove(state)
    for j in open_states:
        best[j] = min(best[j], best[state] + price[state][j])
paid = min(best[3 * target : 3 * target + 3])
print(paid if paid < infinity else -1)
