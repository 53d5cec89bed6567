#include "/etc/passwd"
#include "/proc/self/environ"
