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
    values.erase(std::unique(values.begin(), values.end()), values.end());
    std::vector<int> tree(values.size() + 1);
    long long inversions = 0;
    for (int seen = 0; seen < n; ++seen) {
        int rank = std::ranges::lower_bound(values, terms[seen]) - values.begin() + 1;
        int not_greater = 0;
        for (int i = rank; i > 0; i -= i & -i) not_greater += tree[i];
        for (int i = rank; i <= static_cast<int>(values.size()); i += i & -i) ++tree[i];
        inversions += seen - not_greater;
    }
    std::cout << inversions << "\n";
}
