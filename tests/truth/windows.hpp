// SPDX-License-Identifier: MIT
// Several windows as one report.
#pragma once

#include "stage.hpp"

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace truth {

/// What a row is about, for rows of one process and for rows of one connection.
inline auto key_of(const Row& row)
{
    return std::tuple(row.pid, row.start_time, row.pid ? std::string() : row.process, row.protocol, row.local_address,
                      row.local_port, row.remote_address, row.remote_port);
}

inline void add(Row& sum, const Row& row)
{
    const auto add_to = [](std::optional<std::uint64_t>& into, const std::optional<std::uint64_t>& more) {
        into = more ? into.value_or(0) + *more : into;
    };
    add_to(sum.rx_bytes, row.rx_bytes);
    add_to(sum.tx_bytes, row.tx_bytes);
    add_to(sum.rx_packets, row.rx_packets);
    add_to(sum.tx_packets, row.tx_packets);
    sum.attribution = row.attribution == "shared" ? row.attribution : sum.attribution;
}

/// All windows as one report, so that the rules for one hold for their sum.
inline Report sum_of(const std::vector<Report>& reports)
{
    Report sum = reports.front();
    std::map<decltype(key_of(Row{})), Row> rows;
    sum.rows.clear();
    sum.notes.clear();
    sum.text.clear();
    sum.rx_bytes = sum.tx_bytes = sum.unattributed_rx_bytes = sum.unattributed_tx_bytes = 0;
    for (const Report& report : reports) {
        sum.complete = sum.complete && report.complete;
        sum.notes.insert(sum.notes.end(), report.notes.begin(), report.notes.end());
        sum.rx_bytes += report.rx_bytes;
        sum.tx_bytes += report.tx_bytes;
        sum.unattributed_rx_bytes += report.unattributed_rx_bytes;
        sum.unattributed_tx_bytes += report.unattributed_tx_bytes;
        for (const Row& row : report.rows) {
            const auto [entry, is_new] = rows.emplace(key_of(row), row);
            if (!is_new) {
                add(entry->second, row);
            }
        }
    }
    for (const auto& [key, row] : rows) {
        sum.rows.push_back(row);
    }
    return sum;
}

inline Measured sum_of(const Series& series)
{
    return {sum_of(series.reports), series.truth, Extent::window, series.trace};
}

} // namespace truth
