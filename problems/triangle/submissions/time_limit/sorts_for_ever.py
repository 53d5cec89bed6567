a, b, c = map(int, input().split())
sides = [a, b, c]
while sides != sorted(sides) or len(sides) == 3:
    sides.sort()
print("possible" if sides[0] + sides[1] > sides[2] else "impossible")
