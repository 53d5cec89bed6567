struct Spin {
    Spin() {
        for (volatile int i = 0;; i = i + 1) {
        }
    }
} spin;
int main() {}
