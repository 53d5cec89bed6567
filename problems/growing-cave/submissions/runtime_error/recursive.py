import sys

near = [[], []]


def farthest(u, before):
    return max((w + farthest(v, u) for v, w in near[u] if v != before), default=0)


for line in sys.stdin.read().splitlines()[1:]:
    kind, *numbers = line.split()
    if kind == "+":
        p, w = map(int, numbers)
        near.append([(p, w)])
        near[p].append((len(near) - 1, w))
    else:
        print(farthest(int(numbers[0]), 0))
