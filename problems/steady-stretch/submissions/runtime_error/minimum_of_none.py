def longest_steady(readings, spread):
    if max(readings) - min(readings) <= spread:
        return len(readings)
    return max(longest_steady(readings[1:], spread), longest_steady(readings[:-1], spread))
