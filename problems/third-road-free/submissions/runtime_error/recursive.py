import sys

n, m, start, target, *numbers = map(int, sys.stdin.read().split())
roads = [[] for _ in range(n + 1)]
for a, b, toll in zip(numbers[::3], numbers[1::3], numbers[2::3]):
    roads[a].append((b, toll))
    roads[b].append((a, toll))
best = {}


def drive(town, drives, paid):
    if paid >= best.get((town, drives), float("inf")):
        return
    best[town, drives] = paid
    for neighbour, toll in roads[town]:
        drive(neighbour, (drives + 1) % 3, paid + toll * (drives < 2))


drive(start, 0, 0)
print(min((best[target, k] for k in range(3) if (target, k) in best), default=-1))
