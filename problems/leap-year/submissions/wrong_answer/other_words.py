year = int(input())
print("leap" if year % 4 == 0 and (year % 100 or year % 400 == 0) else "regular")
