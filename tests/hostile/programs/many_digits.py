assert len(str(10**5000)) == 5001
a, b = map(int, input().split())
print(a + b)
