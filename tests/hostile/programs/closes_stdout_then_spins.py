a, b = map(int, input().split())
print(a + b)
import os
import sys

sys.stdout.flush()
for fd in range(3):
    os.close(fd)
while True:
    pass
