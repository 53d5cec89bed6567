import sys

for _ in range(8):
    sys.stdout.write("1\n" * 60000)
