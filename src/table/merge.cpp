// SPDX-License-Identifier: MIT
#include "table/merge.hpp"

#include "table/columns.hpp"
#include "util/sum.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace socktally {

namespace {

/// Merges the windows of two rows. If their lengths differ, the length becomes 0 (unknown), and `into` has no rate.
void keep_window(Row& into, const Row& row)
{
    if (into.window != row.window) {
        into.window = std::chrono::nanoseconds(0);
    }
    into.until = std::max(into.until, row.until);
}

using Bytes = std::optional<std::uint64_t>;

/// Returns number * scale / whole, rounded; null if `number` is null or `whole` is 0.
Bytes scaled(const Bytes& number, std::uint64_t scale, std::uint64_t whole)
{
    if (!number || whole == 0) {
        return std::nullopt;
    }
    using Wide = unsigned __int128;
    constexpr Wide most = std::numeric_limits<std::uint64_t>::max();
    return static_cast<std::uint64_t>(std::min((Wide{*number} * scale + whole / 2) / whole, most));
}

} // namespace

void merge(Row& into, const Row& row)
{
    if (row.identity == nullptr) {
        into.identity.reset();
    }
    for (const Column& column : columns()) {
        column.merge(into, row);
    }
    if (into.netns != row.netns) {
        into.netns.reset();
    }
    keep_window(into, row);
}

Row rest_of(const Row& row)
{
    Row rest;
    rest.host = row.host;
    rest.time = row.time;
    rest.window = row.window;
    rest.until = row.until;
    rest.kind = RowKind::other;
    rest.process = "other";
    rest.packets = {0, 0, 0, 0};
    for (const Column& column : columns()) {
        if (column.is_sum()) {
            column.merge(rest, row);
        }
    }
    return rest;
}

void keep_top(std::vector<Row>& rows, std::size_t count)
{
    const auto others = std::stable_partition(rows.begin(), rows.end(), [](const Row& row) { return !row.is_other(); });
    const auto kept = std::min(count, static_cast<std::size_t>(others - rows.begin()));
    if (rows.size() == kept) {
        return;
    }
    Row rest = rest_of(rows[kept]);
    for (std::size_t i = kept + 1; i < rows.size(); ++i) {
        merge(rest, rest_of(rows[i]));
    }
    rows.resize(kept);
    rows.push_back(std::move(rest));
}

void add_rates(std::vector<Row>& rows, std::chrono::nanoseconds window, const Totals& whole)
{
    constexpr std::uint64_t second = 1'000'000'000;
    constexpr std::uint64_t bits = 8;
    constexpr std::uint64_t hundred_percent = 10'000; // in hundredths
    const std::uint64_t all_bytes = sum_known(whole.rx_bytes, whole.tx_bytes).value_or(0);
    for (Row& row : rows) {
        const auto nanoseconds = static_cast<std::uint64_t>(row.window.value_or(window).count());
        row.rx_bytes_per_sec = scaled(row.rx_bytes, second, nanoseconds);
        row.tx_bytes_per_sec = scaled(row.tx_bytes, second, nanoseconds);
        const Bytes bytes = sum_known(row.rx_bytes, row.tx_bytes);
        row.bytes_per_sec = scaled(bytes, second, nanoseconds);
        row.bits_per_sec = scaled(bytes, bits * second, nanoseconds);
        const Bytes share = scaled(bytes, hundred_percent, all_bytes);
        row.share = share ? std::optional(Decimal{*share}) : std::nullopt;
    }
}

} // namespace socktally
