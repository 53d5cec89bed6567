print("-".join(input().split()[0] for _ in range(int(input()))))
