import os
import socket

os.mkfifo('/tmp/pipe')
socket.socket(socket.AF_UNIX).bind('/tmp/socket')
os.symlink('/proc/1/root', '/tmp/link')
os.symlink('/tmp', b'/tmp/\xff\n')
os.link('/tmp/pipe', '/w/pipe')if os.stat('/tmp').st_dev == os.stat('/w').st_dev else None
os.mkdir('/tmp/locked')
open('/tmp/locked/file', 'w').close()
os.chmod('/tmp/locked', 0)
a, b = map(int, input().split())
print(a + b)
