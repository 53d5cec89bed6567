// Keeps the stripes in a map, but walks over all of them for every question.
#include <iostream>
#include <iterator>
#include <map>

int main() {
    std::ios::sync_with_stdio(false);
    int n, q;
    std::cin >> n >> q;
    std::map<int, int> colours = {{1, 0}, {n + 1, -1}};
    auto split = [&](int place) {
        auto stripe = std::prev(colours.upper_bound(place));
        return colours.emplace(place, stripe->second).first;
    };
    while (q--) {
        char kind;
        int left, right, colour;
        std::cin >> kind >> left >> right;
        auto end = split(right + 1), begin = split(left);
        if (kind == 'p') {
            std::cin >> colour;
            colours.erase(begin, end);
            colours[left] = colour;
        } else {
            int stripes = 0, before = -1;
            for (auto stripe = begin; stripe != end; ++stripe) {
                stripes += stripe->second != before;
                before = stripe->second;
            }
            std::cout << stripes << "\n";
        }
    }
}
