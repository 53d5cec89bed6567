def ways(dice, least):
    if dice == 0:
        return int(least <= 0)
    return sum(ways(dice - 1, least - face) for face in range(1, s + 1))


n, s, t = map(int, input().split())
print(ways(n, t) / s**n)
