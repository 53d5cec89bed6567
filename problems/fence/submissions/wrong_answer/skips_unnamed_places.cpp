// Compresses the places to the ends of the events only, and so loses the boards between two of them.
#include <algorithm>
#include <iostream>
#include <vector>

struct Event {
    char kind;
    int left, right, colour = 0;
};

int main() {
    int n, q;
    std::cin >> n >> q;
    std::vector<Event> events(q);
    std::vector<int> places;
    for (Event& event : events) {
        std::cin >> event.kind >> event.left >> event.right;
        if (event.kind == 'p') std::cin >> event.colour;
        places.push_back(event.left);
        places.push_back(event.right);
    }
    std::ranges::sort(places);
    places.erase(std::unique(places.begin(), places.end()), places.end());
    std::vector<int> colours(places.size());
    for (const Event& event : events) {
        int from = std::ranges::lower_bound(places, event.left) - places.begin();
        int to = std::ranges::lower_bound(places, event.right) - places.begin();
        if (event.kind == 'p') {
            std::fill(colours.begin() + from, colours.begin() + to + 1, event.colour);
        } else {
            int stripes = 1;
            for (int i = from + 1; i <= to; ++i) stripes += colours[i] != colours[i - 1];
            std::cout << stripes << "\n";
        }
    }
}
