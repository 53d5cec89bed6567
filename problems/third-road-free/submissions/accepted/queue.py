import sys
from collections import deque


def main():
    read = sys.stdin.readline
    n, m, start, target = map(int, read().split())
    roads = [[] for _ in range(n + 1)]
    for _ in range(m):
        a, b, toll = map(int, read().split())
        roads[a].append((b, toll))
        roads[b].append((a, toll))
    best = {(start, 0): 0}
    queue = deque(best)
    waiting = set(best)
    while queue:  # Bellman-Ford with a queue of changed states
        state = queue.popleft()
        waiting.discard(state)
        town, drives = state
        for neighbour, toll in roads[town]:
            price = best[state] + toll * (drives < 2)
            following = neighbour, (drives + 1) % 3
            if price < best.get(following, price + 1):
                best[following] = price
                if following not in waiting:
                    waiting.add(following)
                    queue.append(following)
    return min((best[target, k] for k in range(3) if (target, k) in best), default=-1)


print(main())
