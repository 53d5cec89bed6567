from fractions import Fraction
from functools import cache


@cache
def ways(dice, least):
    if least > dice * s:
        return 0
    if dice == 0:
        return 1
    return sum(ways(dice - 1, least - face) for face in range(1, s + 1))


n, s, t = map(int, input().split())
print(float(Fraction(ways(n, t), s**n)))
