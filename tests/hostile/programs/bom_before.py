a, b = map(int, input().split())
print('\ufeff' + str(a + b))
