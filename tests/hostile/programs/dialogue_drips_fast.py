import os, time

while True:
    os.write(1, b"\0")
    time.sleep(0.2)
