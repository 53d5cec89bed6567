import os

if os.fork() == 0:
    data = bytearray(b'1') * (320 << 20)
    os._exit(0)
os.wait()
while True:
    pass
