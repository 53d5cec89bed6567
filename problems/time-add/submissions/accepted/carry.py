import sys

clock, added = sys.stdin.read().split()
carry, minutes = divmod(int(clock[3:]) + int(added), 60)
hours = (int(clock[:2]) + carry) % 24
print(str(hours).zfill(2) + ":" + str(minutes).zfill(2))
