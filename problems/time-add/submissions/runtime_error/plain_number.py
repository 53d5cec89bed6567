time = int(input())
added = int(input())
print((time + added) % 2400)
