from bisect import bisect_left, insort


def longest_steady(readings, spread):
    window = []
    left = best = 0
    for reading in readings:
        insort(window, reading)
        while window[-1] - window[0] > spread:
            del window[bisect_left(window, readings[left])]
            left += 1
        best = max(best, len(window))
    return best
