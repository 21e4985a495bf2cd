// SPDX-License-Identifier: MIT
// Sorts rows by the value of --sort, and in a tie by all other fields.
#include "table/columns.hpp"
#include "util/sum.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <numeric>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace socktally {

namespace {

/// Returns the value that a row is sorted by: the sum of the columns in `parts`, null only if all of them are null.
Cell sort_value(const Row& row, const ColumnList& parts)
{
    Cell value = parts.front()->value(row);
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const Cell part = parts[i]->value(row);
        if (std::holds_alternative<std::monostate>(value)) {
            value = part;
        } else if (const auto* number = std::get_if<std::uint64_t>(&part)) {
            value = sum(std::get<std::uint64_t>(value), *number);
        }
    }
    return value;
}

/// Orders numbers descending, text ascending, nulls last.
std::weak_ordering order(const Cell& a, const Cell& b)
{
    if (a.index() != b.index()) { // all values of a column have one type, so either a or b is null
        return b.index() <=> a.index();
    }
    if (const auto* number = std::get_if<std::uint64_t>(&a)) {
        return std::get<std::uint64_t>(b) <=> *number;
    }
    if (const auto* number = std::get_if<Decimal>(&a)) {
        return std::get<Decimal>(b) <=> *number;
    }
    return a <=> b;
}

constexpr auto equal = std::strong_ordering::equal;

/// Orders rows by the first of these fields in which they differ.
template <auto... fields>
std::strong_ordering order_by(const Row& a, const Row& b)
{
    std::strong_ordering order = equal;
    static_cast<void>((((order = a.*fields <=> b.*fields) != 0) || ...));
    return order;
}

/// Orders rows by a struct to which they point. Compares the pointers first, because comparing the structs is slow.
template <auto part>
std::strong_ordering order_by_shared(const Row& a, const Row& b)
{
    static const typename std::remove_cvref_t<decltype(a.*part)>::element_type none;
    return a.*part == b.*part ? equal : (a.*part ? *(a.*part) : none) <=> (b.*part ? *(b.*part) : none);
}

} // namespace

bool is_before(const Row& a, const Row& b)
{
    using R = Row;
    const bool is_list = is_listed(a) && is_listed(b); // lists of sockets are sorted by port
    auto order = is_list ? order_by<&R::protocol, &R::local_port, &R::local_address>(a, b) : equal;
    if (order == 0 && a.pid.has_value() != b.pid.has_value()) {
        return a.pid.has_value();
    }
    if (order == 0 && is_list) {
        order = order_by<&R::pid, &R::remote_address, &R::remote_port>(a, b);
    }
    order = order != 0 ? order : order_by<&R::pid, &R::start_time, &R::process, &R::kind, &R::uid, &R::user>(a, b);
    order = order != 0 ? order : order_by_shared<&R::identity>(a, b);
    order = order != 0 ? order : order_by_shared<&R::remote>(a, b);
    order =
        order != 0
            ? order
            : order_by<&R::netns, &R::protocol, &R::local_address, &R::local_port, &R::remote_address, &R::remote_port,
                       &R::port, &R::published, &R::interface, &R::outbound, &R::rx_bytes, &R::tx_bytes, &R::packets,
                       &R::connections, &R::unknown_connections, &R::shared_with, &R::attribution, &R::time, &R::host>(
                  a, b);
    order = order != 0 ? order : order_by_shared<&R::lookups>(a, b);
    return (order != 0 ? order : order_by_shared<&R::facts>(a, b)) < 0;
}

ColumnList sort_columns(std::string_view spec)
{
    if (spec.find(',') != spec.npos) {
        throw std::invalid_argument(
            fmt::format("cannot sort by {}: use one column, or a sum such as rx_bytes+tx_bytes", quote(spec)));
    }
    ColumnList parts;
    for (const auto name : split(spec.empty() ? "rx_bytes+tx_bytes" : spec, '+')) {
        parts.push_back(&require_column(name, spec));
    }
    if (parts.size() > 1) {
        for (const Column* part : parts) {
            if (part->type != CellType::integer) {
                throw std::invalid_argument("cannot sort by a sum with \"" + std::string(part->name) +
                                            "\": it is not a whole number");
            }
        }
    }
    return parts;
}

void sort_rows(std::vector<Row>& rows, std::string_view spec)
{
    const auto parts = sort_columns(spec);
    const bool has_keys = std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
        return !std::holds_alternative<std::monostate>(sort_value(row, parts));
    });
    std::vector<Cell> keys;
    keys.reserve(has_keys ? rows.size() : 0);
    for (std::size_t i = 0; has_keys && i < rows.size(); ++i) {
        keys.push_back(sort_value(rows[i], parts));
    }
    // Rows are large, so sort their indices, then move each row once to its final position.
    std::vector<std::size_t> sequence(rows.size());
    std::iota(sequence.begin(), sequence.end(), std::size_t{0});
    const auto is_less = [&](std::size_t a, std::size_t b) {
        const auto by_key = has_keys ? order(keys[a], keys[b]) : std::weak_ordering::equivalent;
        return by_key != 0 ? by_key < 0 : is_before(rows[a], rows[b]);
    };
    if (std::is_sorted(sequence.begin(), sequence.end(), is_less)) { // lists of sockets usually are
        return;
    }
    std::sort(sequence.begin(), sequence.end(), is_less);
    for (std::size_t begin = 0; begin < rows.size(); ++begin) {
        if (sequence[begin] == begin) {
            continue;
        }
        Row first = std::move(rows[begin]);
        std::size_t to = begin;
        for (std::size_t from = sequence[to]; from != begin; from = sequence[to]) {
            rows[to] = std::move(rows[from]);
            sequence[to] = to;
            to = from;
        }
        rows[to] = std::move(first);
        sequence[to] = to;
    }
}

} // namespace socktally
