from math import erf, sqrt

n, s, t = map(int, input().split())
mean = n * (s + 1) / 2
deviation = sqrt(n * (s * s - 1) / 12) or 1
print((1 - erf((t - 0.5 - mean) / deviation / sqrt(2))) / 2)
