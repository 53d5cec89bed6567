width, height = (int(field[2:]) for field in input().split())
print(len(("#" * width)) * height)
