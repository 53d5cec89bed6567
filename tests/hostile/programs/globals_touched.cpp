#include <cstring>
static char big[600 << 20];
int main() {
    memset(big, 1, sizeof big);
    return big[7] - 1;
}
