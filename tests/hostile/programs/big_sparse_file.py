import os

fd = os.open('/tmp/x', os.O_CREAT | os.O_RDWR)
os.ftruncate(fd, 1 << 40)
