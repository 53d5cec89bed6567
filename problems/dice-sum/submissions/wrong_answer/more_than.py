n, s, t = map(int, input().split())
chance = {0: 1.0}
for _ in range(n):
    longer = {}
    for total, p in chance.items():
        for face in range(1, s + 1):
            longer[total + face] = longer.get(total + face, 0) + p / s
    chance = longer
print(sum(p for total, p in chance.items() if total > t))
