from collections import deque


def longest_steady(readings, spread):
    low, high = deque(), deque()  # places of candidates for the minimum and the maximum of the window
    left = best = 0
    for right, reading in enumerate(readings):
        while low and readings[low[-1]] >= reading:
            low.pop()
        while high and readings[high[-1]] <= reading:
            high.pop()
        low.append(right)
        high.append(right)
        while readings[high[0]] - readings[low[0]] > spread:
            left += 1
            if low[0] < left:
                low.popleft()
            if high[0] < left:
                high.popleft()
        best = max(best, right - left + 1)
    return best
