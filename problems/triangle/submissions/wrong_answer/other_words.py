a, b, c = sorted(map(int, input().split()))
print("Possible" if a + b > c else "Impossible")
