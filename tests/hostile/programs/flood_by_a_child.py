import os

if os.fork() == 0:
    while True:
        os.write(1, b'7 ' * 4096)
os.wait()
