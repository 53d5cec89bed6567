import sys

print(sys.stdin.readline().strip()[:0:-1] + '?')
