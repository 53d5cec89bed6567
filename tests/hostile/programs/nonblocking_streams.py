import os

a, b = map(int, input().split())
print(a + b)
for fd in range(3):
    os.set_blocking(fd, False)
