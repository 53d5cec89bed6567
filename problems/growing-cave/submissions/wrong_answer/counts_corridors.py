import sys

near = [[], []]
for line in sys.stdin.read().splitlines()[1:]:
    kind, *numbers = map(str, line.split())
    if kind == "+":
        p = int(numbers[0])
        near.append([p])
        near[p].append(len(near) - 1)
    else:
        order = [(int(numbers[0]), 0, 0)]
        for u, before, far in order:
            order += [(v, u, far + 1) for v in near[u] if v != before]
        print(order[-1][2])
