import heapq
import sys

n, m, start, target, *numbers = map(int, sys.stdin.read().split())
roads = [[] for _ in range(n + 1)]
for a, b, toll in zip(numbers[::3], numbers[1::3], numbers[2::3]):
    roads[a].append((b, toll))
    roads[b].append((a, toll))
seen = set()
queue = [(0, start, [])]
while queue:
    paid, town, tolls = heapq.heappop(queue)
    if town == target:
        print(paid - sum(tolls[2::3]))
        break
    if town not in seen:
        seen.add(town)
        for neighbour, toll in roads[town]:
            heapq.heappush(queue, (paid + toll, neighbour, tolls + [toll]))
else:
    print(-1)
