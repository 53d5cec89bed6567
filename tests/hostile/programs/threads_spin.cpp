#include <cstdio>
#include <ctime>
#include <thread>
#include <vector>
static void work() {
    timespec now;
    do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while (now.tv_nsec < 300000000);
}
int main() {
    long long a, b;
    scanf("%lld %lld", &a, &b);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back(work);
    for (auto &thread : threads) thread.join();
    printf("%lld\n", a + b);
}
