import sys

parent, depth = [0, 0], [0, 0]
deepest = 1


def way_up(v):
    way = []
    while v:
        way.append(v)
        v = parent[v]
    return way


for line in sys.stdin.read().splitlines()[1:]:
    kind, *numbers = line.split()
    if kind == "+":
        p, w = map(int, numbers)
        parent.append(p)
        depth.append(depth[p] + w)
        if depth[-1] > depth[deepest]:
            deepest = len(depth) - 1
    else:
        v = int(numbers[0])
        ancestors = set(way_up(v))
        meeting = next(u for u in way_up(deepest) if u in ancestors)
        print(max(depth[v], depth[v] + depth[deepest] - 2 * depth[meeting]))
