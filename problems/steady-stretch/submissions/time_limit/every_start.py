def longest_steady(readings, spread):
    best = 0
    for i in range(len(readings)):
        low = high = readings[i]
        for j in range(i, len(readings)):
            low = min(low, readings[j])
            high = max(high, readings[j])
            if high - low > spread:
                break
            best = max(best, j - i + 1)
    return best
