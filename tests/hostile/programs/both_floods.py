import os

while True:
    os.write(1, b'7\n' * 4096)
    os.write(2, b'7\n' * 4096)
