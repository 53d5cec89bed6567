#include <cassert>
int main() {
    volatile int one = 1;
    assert(one == 2);
}
