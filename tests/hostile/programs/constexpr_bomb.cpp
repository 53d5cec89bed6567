constexpr unsigned long spin(unsigned long n) {
    while (n) n = n * 6364136223846793005u + 1442695040888963407u;
    return n;
}
constexpr unsigned long value = spin(1);
int main() { return value; }
