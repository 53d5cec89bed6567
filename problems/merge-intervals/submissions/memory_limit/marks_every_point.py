def merge_intervals(intervals):
    last = max((end for _, end in intervals), default=-1)
    depth = [0] * (2 * last + 3)  # odd places are the gaps between the integers
    for start, end in intervals:
        depth[2 * start] += 1
        depth[2 * end + 1] -= 1
    merged = []
    level = 0
    for doubled, change in enumerate(depth):
        if level == 0 and change > 0:
            begin = doubled // 2
        if level > 0 and level + change == 0:
            merged.append([begin, (doubled - 1) // 2])
        level += change
    return merged
