import os

for fd in range(3):
    for flags in os.O_RDONLY, os.O_WRONLY, os.O_RDWR:
        try:
            os.open(f'/proc/self/fd/{fd}', flags | os.O_NONBLOCK)
        except OSError:
            pass
a, b = map(int, input().split())
print(a + b)
