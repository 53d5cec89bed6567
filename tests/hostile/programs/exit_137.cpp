#include <unistd.h>
int main() { _exit(137); }
