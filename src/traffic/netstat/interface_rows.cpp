// SPDX-License-Identifier: MIT
#include "traffic/netstat/interface_rows.hpp"

#include "util/number.hpp"
#include "util/text.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace socktally {

namespace {

using Words = std::vector<std::string_view>;

/// Returns the index in `<Link#12>`; null for any other word.
std::optional<std::uint32_t> parse_link_number(std::string_view word)
{
    constexpr std::string_view prefix = "<Link#";
    if (!word.starts_with(prefix) || !word.ends_with('>')) {
        return std::nullopt;
    }
    const auto number = parse_number(word.substr(prefix.size(), word.size() - prefix.size() - 1));
    return number && *number > 0 && *number <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(*number))
                                                          : std::nullopt;
}

/// Returns the word of a column, counted from the right; null if the header lacks the column or the row is too short.
std::optional<std::uint64_t> counter(const Words& row, const Words& header, std::string_view column)
{
    constexpr std::size_t least = 3; // name, MTU and network are never counters
    const auto found = std::find(header.begin(), header.end(), column);
    const auto from_right = static_cast<std::size_t>(header.end() - found);
    return found != header.end() && row.size() >= from_right + least ? parse_number(row[row.size() - from_right])
                                                                     : std::nullopt;
}

std::optional<InterfaceTraffic> parse_interface_row(const Words& row, const Words& header)
{
    const auto index = parse_link_number(row[2]);
    const auto rx_bytes = counter(row, header, "Ibytes");
    const auto tx_bytes = counter(row, header, "Obytes");
    const auto rx_packets = counter(row, header, "Ipkts");
    const auto tx_packets = counter(row, header, "Opkts");
    if (!index || !rx_bytes || !tx_bytes || !rx_packets || !tx_packets) {
        return std::nullopt;
    }
    const std::string_view name = row[0].substr(0, row[0].size() - (row[0].ends_with('*') ? 1 : 0));
    InterfaceTraffic traffic{std::string(name), *rx_bytes, *tx_bytes, *rx_packets, *tx_packets};
    traffic.index = *index;
    return traffic;
}

bool is_loopback(std::string_view name) { return name.starts_with("lo") && parse_number(name.substr(2)).has_value(); }

} // namespace

InterfaceRows parse_netstat_interfaces(std::string_view text)
{
    InterfaceRows parsed;
    Words header;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    while (!text.empty()) {
        const bool is_whole = text.find('\n') != text.npos; // the last line may be cut off
        const Words words = words_of(next_line(text));
        if (!words.empty() && words.front() == "Name") {
            header = words;
            continue;
        }
        if (words.size() < 3 || !words[2].starts_with("<Link#")) {
            continue;
        }
        auto traffic = is_whole ? parse_interface_row(words, header) : std::nullopt;
        if (!traffic) {
            ++parsed.garbled;
        } else if (!is_loopback(traffic->name)) {
            packets |= traffic->rx_packets;
            bytes |= traffic->rx_bytes;
            parsed.interfaces.push_back(std::move(*traffic));
        }
    }
    parsed.hides_rx_bytes = packets != 0 && bytes == 0;
    return parsed;
}

} // namespace socktally
