a, b = map(int, input().split())
print(a + b)
import sys

for i in range(10000):
    print('debug', i, '.' * 8, file=sys.stderr)
