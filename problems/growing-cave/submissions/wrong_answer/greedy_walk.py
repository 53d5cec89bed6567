import sys

near = [[], []]
for line in sys.stdin.read().splitlines()[1:]:
    kind, *numbers = line.split()
    if kind == "+":
        p, w = map(int, numbers)
        near.append([(w, p)])
        near[p].append((w, len(near) - 1))
    else:
        u, before, far = int(numbers[0]), 0, 0
        while onward := [(w, v) for w, v in near[u] if v != before]:
            w, v = max(onward)
            u, before, far = v, u, far + w
        print(far)
