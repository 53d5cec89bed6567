n, s, t = map(int, input().split())
ways = [0] * (n * s + 1)
ways[0] = 1
for _ in range(n):
    ways = [sum(ways[max(0, total - s) : total]) for total in range(n * s + 1)]
at_least = ways[:]
for total in reversed(range(n * s)):
    at_least[total] += at_least[total + 1]
print(at_least[t] / s**n)
