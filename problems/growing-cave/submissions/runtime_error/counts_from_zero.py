import sys

near = [[]]
for line in sys.stdin.read().splitlines()[1:]:
    kind, *numbers = line.split()
    if kind == "+":
        p, w = map(int, numbers)
        near.append([(p, w)])
        near[p].append((len(near) - 1, w))
    else:
        order = [(int(numbers[0]), 0, 0)]
        for u, before, far in order:
            order += [(v, u, far + w) for v, w in near[u] if v != before]
        print(max(far for _, _, far in order))
