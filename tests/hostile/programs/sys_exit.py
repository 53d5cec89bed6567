a, b = map(int, input().split())
print(a + b)
import sys

sys.exit(0)
