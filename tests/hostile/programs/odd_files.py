import os
import socket

try:
    os.mkfifo('/tmp/pipe')
except OSError:
    pass
socket.socket(socket.AF_UNIX).bind('/tmp/socket')
os.symlink('/proc/1/root', '/tmp/link')
os.symlink('/tmp', b'/tmp/\xff\n')
os.link('/tmp/socket', '/tmp/again')
os.mkdir('/tmp/locked')
open('/tmp/locked/file', 'w').close()
os.chmod('/tmp/locked', 0)
a, b = map(int, input().split())
print(a + b)
