import sys

first, second = sys.stdin.buffer.readline(), sys.stdin.buffer.readline()
print(int(first) + int(second))
