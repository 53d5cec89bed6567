import sys


def main():
    read = sys.stdin.readline
    parent, jump, level, depth = [1, 1], [1, 1], [0, 0], [0, 0]

    def distance(u, v):
        a, b = (u, v) if level[u] >= level[v] else (v, u)
        while level[a] > level[b]:
            a = jump[a] if level[jump[a]] >= level[b] else parent[a]
        while a != b:
            if jump[a] == jump[b]:
                a, b = parent[a], parent[b]
            else:
                a, b = jump[a], jump[b]
        return depth[u] + depth[v] - 2 * depth[a]

    first = second = 1  # the ends of a longest way; from every chamber one of them is farthest
    longest = 0
    for _ in range(int(read())):
        kind, *numbers = read().split()
        if kind == "?":
            v = int(numbers[0])
            print(max(distance(v, first), distance(v, second)))
            continue
        p, w = map(int, numbers)
        new = len(parent)
        parent.append(p)
        level.append(level[p] + 1)
        depth.append(depth[p] + w)
        far = jump[p]
        jump.append(jump[far] if level[p] - level[far] == level[far] - level[jump[far]] else p)
        for end, other in ((first, second), (second, first)):
            if distance(new, end) > longest:
                longest = distance(new, end)
                first, second = new, end


main()
