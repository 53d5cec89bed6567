a, b = map(int, input().split())
print(a + b)
import sys
import time

sys.stdout.flush()
time.sleep(60)
