import sys

n, *lines = sys.stdin.read().splitlines()
print("-".join(line[line.rfind(" ") + 1 :] for line in lines[: int(n)]))
