n = int(input())
print((2 * sum(map(int, input().split())) + n) // (2 * n))
