def longest_steady(readings, spread):
    best = 0
    for i in range(len(readings)):
        j = i
        while j < len(readings) and abs(readings[j] - readings[i]) <= spread:
            j += 1
        best = max(best, j - i)
    return best
