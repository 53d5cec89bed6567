import sys

distances = [[], [0, 0]]
for line in sys.stdin.read().splitlines()[1:]:
    kind, *numbers = line.split()
    if kind == "+":
        p, w = map(int, numbers)
        row = [far + w for far in distances[p]] + [0]
        for far, others in zip(row[1:], distances[1:]):
            others.append(far)
        distances.append(row)
    else:
        print(max(distances[int(numbers[0])][1:]))
