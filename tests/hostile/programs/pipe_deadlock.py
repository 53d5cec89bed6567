import sys

sys.stderr.write('e' * 200_000)
sys.stderr.flush()
sys.stdout.write(' ' * 200_000)
sys.stdout.flush()
a, b = map(int, input().split())
print(a + b)
