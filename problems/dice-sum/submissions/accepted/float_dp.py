n, s, t = map(int, input().split())
chance = [1.0]
for _ in range(n):
    longer = [0.0] * (len(chance) + s)
    for total, p in enumerate(chance):
        for face in range(1, s + 1):
            longer[total + face] += p / s
    chance = longer
print(sum(chance[t:]))
