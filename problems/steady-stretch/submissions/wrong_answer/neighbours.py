def longest_steady(readings, spread):
    best = length = 0
    for i, reading in enumerate(readings):
        length = length + 1 if i and abs(reading - readings[i - 1]) <= spread else 1
        best = max(best, length)
    return best
