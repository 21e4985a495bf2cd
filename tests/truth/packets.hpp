// SPDX-License-Identifier: MIT
// What the cases share that know how many packets there were, and how long.
#pragma once

#include "exact.hpp"

#include <algorithm>

namespace truth {

inline const std::vector<std::string> packet_columns{"-o", "+rx_packets,tx_packets,rx_ip_bytes,tx_ip_bytes"};
inline constexpr std::size_t header4 = 20;
inline constexpr std::size_t header6 = 40;
inline constexpr std::size_t header_udp = 8;

inline Row row_of(const Measured& measured, const std::string& process)
{
    const auto& rows = measured.report.rows;
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.process == process; });
    INFO(measured.report.text);
    REQUIRE(found != rows.end());
    return *found;
}

struct Counts {
    std::uint64_t packets;
    std::uint64_t ip_bytes;
};

/// Of datagrams that all have one length.
inline Counts counts(std::uint64_t datagrams, std::size_t size)
{
    return {datagrams, datagrams * (header4 + header_udp + size)};
}

inline void check_row(const Row& row, Counts rx, Counts tx)
{
    INFO(row.process);
    CHECK(row.rx_packets == rx.packets);
    CHECK(row.rx_ip_bytes == rx.ip_bytes);
    CHECK(row.tx_packets == tx.packets);
    CHECK(row.tx_ip_bytes == tx.ip_bytes);
}

} // namespace truth
