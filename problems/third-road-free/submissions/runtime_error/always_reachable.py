import heapq
import sys

n, m, start, target, *numbers = map(int, sys.stdin.read().split())
roads = [[] for _ in range(n + 1)]
for a, b, toll in zip(numbers[::3], numbers[1::3], numbers[2::3]):
    roads[a].append((b, toll))
    roads[b].append((a, toll))
best = {}
queue = [(0, start, 0)]
while queue:
    paid, town, drives = heapq.heappop(queue)
    if (town, drives) in best:
        continue
    best[town, drives] = paid
    for neighbour, toll in roads[town]:
        heapq.heappush(queue, (paid + toll * (drives < 2), neighbour, (drives + 1) % 3))
print(min(best[target, k] for k in range(3) if (target, k) in best))
