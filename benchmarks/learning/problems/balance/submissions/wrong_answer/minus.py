cents = int(input())
sign = "-" if cents < 0 else ""
print(f"{sign}${abs(cents) // 100}.{abs(cents) % 100:02d}")
