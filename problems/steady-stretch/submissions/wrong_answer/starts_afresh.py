def longest_steady(readings, spread):
    best = length = 0
    for reading in readings:
        if length == 0 or max(high, reading) - min(low, reading) > spread:
            low = high = reading
            length = 0
        low, high = min(low, reading), max(high, reading)
        length += 1
        best = max(best, length)
    return best
