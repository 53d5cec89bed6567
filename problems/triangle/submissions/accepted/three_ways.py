a, b, c = map(int, input().split())
print("possible" if a + b > c and a + c > b and b + c > a else "impossible")
