a, b = map(int, input().split())
positive = "|" * max(a, 0) + "|" * max(b, 0)
negative = "|" * max(-a, 0) + "|" * max(-b, 0)
print(len(positive) - len(negative))
