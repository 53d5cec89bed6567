import re

width, height = map(int, re.findall(r"\d+", input()))
print(width * height)
