#include <cstdio>
#include <unistd.h>
int main() {
    puts("7");
    fflush(stdout);
    for (int fd = 0; fd < 3; fd++) close(fd);
    for (volatile int i = 0;; i = i + 1) {
    }
}
