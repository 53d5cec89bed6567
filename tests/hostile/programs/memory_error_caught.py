try:
    data = [0] * 10**12
except MemoryError:
    pass
a, b = map(int, input().split())
print(a + b)
