// SPDX-License-Identifier: MIT
// Groups rows by a hash of their key. The first row of a group is stored; later rows are merged into it.
#include "table/grouping.hpp"

#include "table/columns.hpp"
#include "table/merge.hpp"

#include <utility>

namespace socktally {

namespace {

/// Returns whether the row has bytes, packets or retransmitted bytes, or some of its bytes are unknown.
bool may_have_traffic(const Row& row)
{
    return row.rx_bytes.value_or(1) != 0 || row.tx_bytes.value_or(1) != 0 || row.unknown_connections != 0 ||
           row.packets.rx_packets.value_or(0) != 0 || row.packets.tx_packets.value_or(0) != 0 ||
           (row.facts != nullptr && row.facts->retransmitted_bytes.value_or(0) != 0);
}

/// Returns whether another note already tells of this row, so the note about filters need not count it. Such a row has
/// no bytes. It stands for an unseen network namespace, or for a socket whose protocol the backend does not count.
bool has_note_of_its_own(const Row& row)
{
    if (is_listed(row)) { // `ports` lists sockets of all protocols
        return false;
    }
    const bool is_counted = !row.protocol || row.protocol == Protocol::tcp || row.protocol == Protocol::udp;
    const bool has_bytes = row.rx_bytes.value_or(0) != 0 || row.tx_bytes.value_or(0) != 0;
    return !has_bytes && (row.connections == 0U || (!is_counted && !row.rx_bytes && !row.tx_bytes));
}

} // namespace

Grouping::Grouping(GroupBy by, const Filter& filter, bool idle, Pieces pieces)
    : by_(std::move(by)), filter_(filter), has_filter_(!filter.is_empty()),
      is_by_flow_(by_.has("connection") || by_.is_by_socket()), idle_(idle), pieces_(pieces)
{
    for (const Key* key : by_.keys()) {
        asked_ |= column_set(key->columns);
        if (!key->is(Key::gathers)) { // a key that gathers processes can group rows without an owner by cause
            asked_of_causes_ |= column_set(key->columns);
        }
    }
}

void Grouping::expect_flows(std::size_t count)
{
    if (is_by_flow_) {
        rows_.reserve(count);
    }
}

void Grouping::add(const Row& row, const Origin& origin)
{
    if (takes(row, origin)) {
        add_to_group(row, origin);
    }
}

void Grouping::add(Row&& row)
{
    if (takes(row, {})) {
        add_to_group(std::move(row), {});
    }
}

bool Grouping::takes(const Row& row, const Origin& origin)
{
    const Judged judged = has_filter_ ? filter_.judge(row) : Judged{};
    if (judged.judgement == Judgement::unknown && may_have_traffic(row) && !has_note_of_its_own(row)) {
        const bool is_saved = origin.by != nullptr;
        unjudged_.add(judged, row, is_saved ? 1 : row.connections.value_or(0),
                      is_saved ? origin.saved : ColumnSet().set());
    }
    if (judged.judgement != Judgement::in) {
        return false;
    }
    add_to_totals(row);
    if (origin.by != nullptr) {
        check_key(row, origin);
    }
    return idle_ || may_have_traffic(row);
}

void Grouping::add_to_totals(const Row& row)
{
    ++counts_.passed;
    rx_.add(row.rx_bytes);
    tx_.add(row.tx_bytes);
    unknown_connections_ = sum(unknown_connections_, row.unknown_connections);
    if (row.kind != RowKind::process) {
        const bool is_known = row.kind == RowKind::cause;
        unattributed_rx_.add(is_known ? row.rx_bytes : std::nullopt);
        unattributed_tx_.add(is_known ? row.tx_bytes : std::nullopt);
    }
}

void Grouping::check_key(const Row& row, const Origin& origin)
{
    if (row.is_other()) {
        ++counts_.rests;
        return;
    }
    const ColumnSet& asked = row.kind == RowKind::cause ? asked_of_causes_ : asked_;
    if ((asked & ~origin.told).any()) {
        ++counts_.keyless;
        lacking_ |= asked & ~origin.saved;
    }
}

template <typename AnyRow>
void Grouping::add_to_group(AnyRow&& row, const Origin& origin)
{
    if (origin.by == nullptr && is_by_flow_) {
        rows_.push_back(std::forward<AnyRow>(row));
        return;
    }
    by_.write_key(key_, row, origin);
    if (pieces_ == Pieces::by_time && row.time) {
        key_ += std::to_string(row.time->time_since_epoch().count());
    }
    if (const auto found = index_.find(std::string_view(key_)); found != index_.end()) {
        merge(rows_[found->second], row);
    } else {
        index_.emplace(key_, rows_.size());
        rows_.push_back(std::forward<AnyRow>(row));
    }
}

/// Totals by interface have no unattributed bytes, because interfaces have no owners.
Totals Grouping::totals() const
{
    const bool has_owners = !by_.is_by_interface();
    return {rx_.value(), tx_.value(), has_owners ? unattributed_rx_.value() : std::nullopt,
            has_owners ? unattributed_tx_.value() : std::nullopt, unknown_connections_};
}

} // namespace socktally
