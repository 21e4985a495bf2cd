// SPDX-License-Identifier: MIT
#include "table/merge.hpp"

#include "util/sum.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace socktally {

namespace {

/// Once null, a field stays null: no later value can make the flows agree again.
template <typename T>
void keep_if_same(std::optional<T>& field, const std::optional<T>& other)
{
    if (field != other) {
        field.reset();
    }
}

/// Bytes of different windows make no rate.
void keep_window(Row& into, const Row& row)
{
    if (into.window != row.window) {
        into.window = std::chrono::nanoseconds(0);
    }
    into.until = std::max(into.until, row.until);
}

using socktally::add; // which would be hidden

void add(std::optional<Decimal>& total, const std::optional<Decimal>& part)
{
    if (part) {
        total = Decimal{sum(total.value_or(Decimal{}).hundredths, part->hundredths)};
    }
}

void add_sums(Row& into, const Row& row)
{
    add(into.rx_bytes, row.rx_bytes);
    add(into.tx_bytes, row.tx_bytes);
    add(into.rx_bytes_per_sec, row.rx_bytes_per_sec);
    add(into.tx_bytes_per_sec, row.tx_bytes_per_sec);
    add(into.share, row.share);
    add_or_lose(into.packets, row.packets);
    add_or_lose(into.connections, row.connections);
    into.unknown_connections = sum(into.unknown_connections, row.unknown_connections);
}

void keep_common(std::shared_ptr<const Identity>& into, const std::shared_ptr<const Identity>& other)
{
    if (into == nullptr || into == other) {
        return;
    }
    into = other == nullptr ? nullptr : std::make_shared<const Identity>(common(*into, *other));
}

void add_sharers(std::vector<Sharer>& into, const std::vector<Sharer>& others)
{
    std::vector<Sharer> all;
    std::set_union(into.begin(), into.end(), others.begin(), others.end(), std::back_inserter(all));
    into = std::move(all);
}

} // namespace

void merge(Row& into, const Row& row)
{
    keep_if_same(into.host, row.host);
    keep_if_same(into.time, row.time);
    keep_if_same(into.kind, row.kind);
    keep_if_same(into.pid, row.pid);
    keep_if_same(into.start_time, row.start_time);
    keep_if_same(into.process, row.process);
    keep_if_same(into.uid, row.uid);
    keep_if_same(into.user, row.user);
    keep_common(into.identity, row.identity);
    keep_if_same(into.netns, row.netns);
    keep_if_same(into.netns_name, row.netns_name);
    keep_if_same(into.protocol, row.protocol);
    keep_if_same(into.local_address, row.local_address);
    keep_if_same(into.local_port, row.local_port);
    keep_if_same(into.remote_address, row.remote_address);
    keep_if_same(into.remote_port, row.remote_port);
    keep_if_same(into.port, row.port);
    keep_if_same(into.published, row.published);
    keep_if_same(into.interface, row.interface);
    keep_if_same(into.outbound, row.outbound);
    add_sharers(into.shared_with, row.shared_with);
    into.attribution = std::max(into.attribution, row.attribution);
    keep_window(into, row);
    add_sums(into, row);
}

void keep_top(std::vector<Row>& rows, std::size_t count)
{
    const auto others = std::stable_partition(rows.begin(), rows.end(), [](const Row& row) { return !row.is_other(); });
    const auto kept = std::min(count, static_cast<std::size_t>(others - rows.begin()));
    if (rows.size() == kept) {
        return;
    }
    Row rest;
    rest.kind = RowKind::other;
    rest.process = "other";
    rest.packets = {0, 0, 0, 0};
    rest.host = rows[kept].host;
    rest.time = rows[kept].time;
    rest.window = rows[kept].window;
    for (std::size_t i = kept; i < rows.size(); ++i) {
        keep_if_same(rest.host, rows[i].host);
        keep_if_same(rest.time, rows[i].time);
        keep_window(rest, rows[i]);
        add_sums(rest, rows[i]);
    }
    rows.resize(kept);
    rows.push_back(std::move(rest));
}

} // namespace socktally
