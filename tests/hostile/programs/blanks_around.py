a, b = map(int, input().split())
print('\n \t', a + b, end=' ')
