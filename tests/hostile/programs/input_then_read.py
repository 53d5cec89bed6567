import sys

print(int(input()) + int(sys.stdin.read()))
