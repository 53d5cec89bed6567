print("-".join(input()[-1] for _ in range(int(input()))))
