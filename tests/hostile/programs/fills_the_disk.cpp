#include <cstdio>
#include <cstdlib>
int main() {
    static char block[1 << 20];
    FILE *file = fopen("/tmp/big", "wb");
    while (fwrite(block, 1, sizeof block, file) == sizeof block) {
    }
    abort();
}
