#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    long long n, x, a, c, m;
    std::cin >> n >> x >> a >> c >> m;
    std::vector<int> terms(n);
    for (int& term : terms) {
        term = x;
        x = (a * x + c) % m;
    }
    std::vector<int> values = terms;
    std::ranges::sort(values);
    std::vector<int> tree(n + 1);
    unsigned inversions = 0;
    for (int seen = 0; seen < n; ++seen) {
        int rank = std::ranges::lower_bound(values, terms[seen]) - values.begin() + 1;
        inversions += seen;
        for (int i = rank; i > 0; i -= i & -i) inversions -= tree[i];
        for (int i = rank; i <= n; i += i & -i) ++tree[i];
    }
    std::cout << inversions << "\n";
}
