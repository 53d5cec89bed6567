from heapq import heappop, heappush


def longest_steady(readings, spread):
    low, high = [], []
    left = best = 0
    for right, reading in enumerate(readings):
        heappush(low, (reading, right))
        heappush(high, (-reading, right))
        while -high[0][0] - low[0][0] > spread:
            left = min(low[0][1], high[0][1]) + 1
            while low[0][1] < left:
                heappop(low)
            while high[0][1] < left:
                heappop(high)
        best = max(best, right - left + 1)
    return best
