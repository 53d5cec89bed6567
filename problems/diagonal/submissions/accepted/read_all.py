import sys

n, *numbers = map(int, sys.stdin.read().split())
down = sum(numbers[:: n + 1])
up = sum(numbers[(i + 1) * (n - 1)] for i in range(n))
print(abs(down - up))
