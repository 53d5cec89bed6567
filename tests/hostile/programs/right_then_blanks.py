a, b = map(int, input().split())
print(a + b)
import sys

for _ in range(100):
    sys.stdout.write(' ' * 10**6)
