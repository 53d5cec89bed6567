import os
import time

for _ in range(2):
    if os.fork() == 0:
        data = bytearray(b'1') * (45 << 20)
        time.sleep(0.4)
        os._exit(0)
for _ in range(2):
    os.wait()
a, b = map(int, input().split())
print(a + b)
