// SPDX-License-Identifier: MIT
#include "since/accumulate.hpp"

#include "util/sum.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace socktally {

namespace {

void add(GrowingSeries& into, const GrowingSeries& moved)
{
    into.rx_bytes = sum(into.rx_bytes, moved.rx_bytes);
    into.tx_bytes = sum(into.tx_bytes, moved.tx_bytes);
    into.connections = sum(into.connections, moved.connections);
    into.unknown_connections = sum(into.unknown_connections, moved.unknown_connections);
    socktally::add(into.rx_packets, moved.rx_packets);
    socktally::add(into.tx_packets, moved.tx_packets);
}

std::uint64_t size_of(const GrowingSeries& series) { return sum(series.rx_bytes, series.tx_bytes); }

/// Largest first, and then by the labels: the same on every machine.
bool comes_first(const GrowingSeries& a, const GrowingSeries& b)
{
    return size_of(a) != size_of(b) ? size_of(a) > size_of(b) : a.labels < b.labels;
}

} // namespace

std::vector<GrowingSeries> accumulate(std::vector<GrowingSeries> before, std::vector<GrowingSeries> moved,
                                      std::size_t most, const GrowingSeries::Labels& rest)
{
    std::vector<GrowingSeries> all = std::move(before);
    GrowingSeries other{rest};
    std::erase_if(all, [&](const GrowingSeries& series) {
        const bool is_other = series.labels == rest;
        if (is_other) {
            add(other, series);
        }
        return is_other;
    });
    std::map<GrowingSeries::Labels, std::size_t> index;
    for (std::size_t i = 0; i < all.size(); ++i) {
        index.emplace(all[i].labels, i);
    }
    std::sort(moved.begin(), moved.end(), comes_first);
    for (GrowingSeries& series : moved) {
        const auto known = index.find(series.labels);
        if (known != index.end()) {
            add(all[known->second], series);
        } else if (series.labels == rest || all.size() >= most) {
            add(other, series);
        } else if (size_of(series) > 0) {
            index.emplace(series.labels, all.size());
            all.push_back(std::move(series));
        }
    }
    if (size_of(other) > 0) {
        all.push_back(std::move(other));
    }
    return all;
}

} // namespace socktally
