// SPDX-License-Identifier: MIT
#include "since/state_codec.hpp"
#include "since/state_format.hpp"

#include <fmt/format.h>

#include <iterator>

namespace socktally {

namespace {

/// FNV-1a. Against accidents; whoever may write the file may write any figure into it.
std::uint64_t check_sum(std::string_view text)
{
    std::uint64_t sum = 0xcbf29ce484222325U;
    for (const char c : text) {
        sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return sum;
}

void append_bytes(std::string& out, std::string_view bytes)
{
    out += '"';
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else {
            out += c;
        }
    }
    out += '"';
}

template <typename List, typename Append>
void append_list(std::string& out, std::string_view key, const List& list, Append append)
{
    fmt::format_to(std::back_inserter(out), ",\"{}\":[", key);
    bool is_first = true;
    for (const auto& item : list) {
        out += is_first ? "\n[" : ",\n[";
        is_first = false;
        append(item);
        out += ']';
    }
    out += ']';
}

std::string number_or_null(const std::optional<std::uint64_t>& number)
{
    return number ? fmt::format("{}", *number) : "null";
}

} // namespace

std::string state_check(std::string_view body)
{
    return fmt::format("{}{:016x}\"}}\n", state_check_key, check_sum(body));
}

std::string write_state(const Baseline& baseline)
{
    using namespace std::chrono;
    std::string out = fmt::format("{{\"schema\":\"{}\",\"boot_id\":", state_schema);
    append_bytes(out, baseline.boot_id);
    fmt::format_to(std::back_inserter(out), ",\"netns\":{},\"purpose\":", baseline.netns.value);
    append_bytes(out, baseline.purpose);
    fmt::format_to(std::back_inserter(out), ",\"taken_at_us\":{},\"uptime_ns\":{},\"saw_all\":{}",
                   duration_cast<microseconds>(baseline.taken_at.time_since_epoch()).count(), baseline.uptime.count(),
                   baseline.saw_all);
    append_list(out, "opens", baseline.opens, [&](const auto& entry) {
        const auto& [netns, opens] = entry;
        fmt::format_to(std::back_inserter(out), "{},{},{},{},{:d}", netns.value, opens.opened, opens.failed,
                       opens.ahead, opens.is_old);
    });
    fmt::format_to(std::back_inserter(out), ",\"latest_interface\":{}", baseline.interfaces.latest);
    append_list(out, "interfaces", baseline.interfaces.counters, [&](const InterfaceTraffic& interface) {
        append_bytes(out, interface.name);
        fmt::format_to(std::back_inserter(out), ",{},{},{},{},{}", interface.index, interface.rx_bytes,
                       interface.tx_bytes, interface.rx_packets, interface.tx_packets);
    });
    append_list(out, "series", baseline.series, [&](const GrowingSeries& series) {
        fmt::format_to(std::back_inserter(out), "{},{},{},{}", series.rx_bytes, series.tx_bytes,
                       number_or_null(series.rx_packets), number_or_null(series.tx_packets));
        for (const auto& [name, value] : series.labels) {
            append_bytes(out += ',', name);
            append_bytes(out += ',', value);
        }
    });
    append_list(out, "sockets", baseline.sockets, [&](const auto& entry) {
        const auto& [key, mark] = entry;
        fmt::format_to(std::back_inserter(out), "{},{},{},{},{:d},{},\"{}\",{}", key.netns.value, key.cookie.value,
                       mark.rx_bytes, mark.tx_bytes, mark.is_orphan, mark.absent, to_string(mark.remote.address),
                       mark.remote.port);
    });
    return with_check_sum(std::move(out));
}

std::string with_check_sum(std::string body)
{
    const std::string check = state_check(body);
    return body.append(check);
}

} // namespace socktally
