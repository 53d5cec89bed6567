a, b, c = sorted(map(int, input().split()))
marks = bytearray(b"1") * (200 << 20)
print("possible" if a + b > c and marks else "impossible")
