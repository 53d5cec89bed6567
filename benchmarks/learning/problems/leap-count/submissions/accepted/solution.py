a, b = sorted(map(int, input().split()))

def until(year):
    return year // 4 - year // 100 + year // 400

print(until(b) - until(a - 1))
