print(f"{int(input()) / 100:.2f}")
