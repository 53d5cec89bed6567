def merge_intervals(intervals):
    merged = []
    inside = False
    last = max((end for _, end in intervals), default=-1)
    for doubled in range(2 * last + 2):  # odd numbers are the gaps between the integers
        covered = any(2 * start <= doubled <= 2 * end for start, end in intervals)
        if covered and not inside:
            begin = doubled // 2
        if inside and not covered:
            merged.append([begin, (doubled - 1) // 2])
        inside = covered
    return merged
