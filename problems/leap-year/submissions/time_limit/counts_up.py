year, leap = int(input()), 4
while leap != year:
    leap += 4 + 4 * (leap % 100 == 96 and leap % 400 != 396)
print("leap")
