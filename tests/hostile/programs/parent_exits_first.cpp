#include <cstdio>
#include <unistd.h>
int main() {
    if (fork()) return 0;
    usleep(300000);
    puts("7");
}
