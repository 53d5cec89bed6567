print("EO"[int(input()) % 2])
