import heapq
import sys


def main():
    n, m, start, target, *numbers = map(int, sys.stdin.buffer.read().split())
    roads = [[] for _ in range(n + 1)]
    for a, b, toll in zip(numbers[::3], numbers[1::3], numbers[2::3]):
        roads[a].append((b, toll))
        roads[b].append((a, toll))
    best = [float("inf")] * (3 * n + 3)  # the state 3 * town + number of drives modulo 3
    best[3 * start] = 0
    queue = [(0, 3 * start)]
    while queue:
        paid, state = heapq.heappop(queue)
        town, drives = divmod(state, 3)
        if town == target:
            return paid
        if paid > best[state]:
            continue
        for neighbour, toll in roads[town]:
            price = paid if drives == 2 else paid + toll
            following = 3 * neighbour + (drives + 1) % 3
            if price < best[following]:
                best[following] = price
                heapq.heappush(queue, (price, following))
    return -1


print(main())
