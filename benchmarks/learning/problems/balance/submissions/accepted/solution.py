cents = int(input())
text = f"${abs(cents) // 100}.{abs(cents) % 100:02d}"
print(text if cents >= 0 else f"({text})")
