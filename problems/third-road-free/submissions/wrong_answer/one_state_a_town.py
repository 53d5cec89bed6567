import heapq
import sys

n, m, start, target, *numbers = map(int, sys.stdin.read().split())
roads = [[] for _ in range(n + 1)]
for a, b, toll in zip(numbers[::3], numbers[1::3], numbers[2::3]):
    roads[a].append((b, toll))
    roads[b].append((a, toll))
best = [None] * (n + 1)
queue = [(0, 0, start)]
while queue:
    paid, drives, town = heapq.heappop(queue)
    if best[town] is not None:
        continue
    best[town] = paid
    for neighbour, toll in roads[town]:
        heapq.heappush(queue, (paid + toll * (drives % 3 < 2), drives + 1, neighbour))
print(-1 if best[target] is None else best[target])
