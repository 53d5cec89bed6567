def longest_steady(readings, spread):
    def extend(i, low, high):
        if i == len(readings) or max(high, readings[i]) - min(low, readings[i]) > spread:
            return 0
        return 1 + extend(i + 1, min(low, readings[i]), max(high, readings[i]))

    return max((extend(i, readings[i], readings[i]) for i in range(len(readings))), default=0)
