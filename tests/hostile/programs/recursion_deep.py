import sys

sys.setrecursionlimit(10**6)


def f(n):
    return n and f(n - 1)


f(200_000)
a, b = map(int, input().split())
print(a + b)
