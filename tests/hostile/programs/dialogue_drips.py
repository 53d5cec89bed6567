import sys, time

while True:
    sys.stdout.write(" ")
    sys.stdout.flush()
    time.sleep(1)
