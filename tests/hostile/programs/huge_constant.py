def never():
    return (b'x' * 1024,) * 1024 * 1024, 1 << 10**9, 'x' * (1 << 33)


a, b = map(int, input().split())
print(a + b)
