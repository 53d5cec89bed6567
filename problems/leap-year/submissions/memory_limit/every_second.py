year = int(input())
seconds = bytearray(366 * 24 * 3600 * 10)
print("leap" if year % 4 == 0 and (year % 100 or year % 400 == 0) and seconds else "common")
