a, b, c = (int(input()) for _ in range(3))
print("possible" if a + b > c and a + c > b and b + c > a else "impossible")
