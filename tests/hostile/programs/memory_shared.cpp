#include <cstring>
#include <sys/mman.h>
int main() {
    void *p = mmap(nullptr, 320 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(p, 1, 320 << 20);
}
