width, height = (int(field.split("=")[1]) for field in input().split())
print(width * height)
