a, b, c = sorted(map(int, input().split()))
print("possible" if a + b >= c else "impossible")
