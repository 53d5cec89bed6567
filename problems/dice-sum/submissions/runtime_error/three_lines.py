n = int(input())
s = int(input())
t = int(input())
print(n, s, t)
