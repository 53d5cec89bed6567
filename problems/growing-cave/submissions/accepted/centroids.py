import sys


def main():
    events = [line.split() for line in sys.stdin.read().splitlines()[1:]]
    near = [[], []]  # the whole tree is known in advance: (neighbour, length) of every chamber
    for event in events:
        if event[0] == "+":
            p, w = int(event[1]), int(event[2])
            near.append([(p, w)])
            near[p].append((len(near) - 1, w))
    n = len(near) - 1
    above = [[] for _ in range(n + 1)]  # of every chamber: (centroid, branch, distance to the centroid)
    removed = [False] * (n + 1)
    branches = 0
    pieces = [1]
    while pieces:
        centroid = find_centroid(near, removed, pieces.pop())
        removed[centroid] = True
        above[centroid].append((centroid, -1, 0))
        for start, w in near[centroid]:
            if removed[start]:
                continue
            branches += 1
            stack = [(start, centroid, w)]
            while stack:
                u, before, far = stack.pop()
                above[u].append((centroid, branches, far))
                stack += [(v, u, far + w) for v, w in near[u] if v != before and not removed[v]]
            pieces.append(start)
    answer(events, above, n)


def find_centroid(near, removed, start):
    order = [(start, 0)]
    for u, before in order:
        order += [(v, u) for v, _ in near[u] if v != before and not removed[v]]
    size = dict.fromkeys((u for u, _ in order), 1)
    for u, before in reversed(order):
        if 2 * size[u] >= len(order):
            return u
        size[before] += size[u]


def answer(events, above, n):
    best = [(0, -1)] * (n + 1)  # of every centroid: the farthest known chamber and its branch
    second = [0] * (n + 1)  # and the farthest one in another branch
    known = [False] * (n + 1)

    def discover(u):
        for centroid, branch, far in above[u]:
            known[centroid] |= centroid == u
            top, top_branch = best[centroid]
            if far > top:
                if branch != top_branch:
                    second[centroid] = top
                best[centroid] = far, branch
            elif branch != top_branch:
                second[centroid] = max(second[centroid], far)

    discover(1)
    count = 1
    for event in events:
        if event[0] == "+":
            count += 1
            discover(count)
        else:
            farthest = 0
            for centroid, branch, far in above[int(event[1])]:
                top, top_branch = best[centroid]
                other = top if branch != top_branch else second[centroid]
                if other or known[centroid]:
                    farthest = max(farthest, far + other)
            print(farthest)


main()
