from datetime import date, timedelta

year = int(input())
print("leap" if (date(year, 3, 1) - timedelta(1)).day == 29 and date(year + 7999, 1, 1) else "common")
