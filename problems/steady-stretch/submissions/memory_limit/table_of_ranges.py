def longest_steady(readings, spread):
    n = len(readings)
    low = [list(readings) for _ in range(n)]
    high = [list(readings) for _ in range(n)]
    best = 0
    for i in range(n):
        for j in range(i, n):
            if j > i:
                low[i][j] = min(low[i][j - 1], readings[j])
                high[i][j] = max(high[i][j - 1], readings[j])
            if high[i][j] - low[i][j] <= spread:
                best = max(best, j - i + 1)
    return best
