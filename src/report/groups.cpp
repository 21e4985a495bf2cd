// SPDX-License-Identifier: MIT
#include "report/groups.hpp"

#include "report/selection.hpp"
#include "util/sum.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

namespace socktally {

namespace {

/// What every report needs, whatever it prints: totals and the sum of the rest.
constexpr std::array always{Member::host,     Member::process,     Member::kind,        Member::rx_bytes,
                            Member::tx_bytes, Member::connections, Member::attribution, Member::unknown_connections};

/// The parts of a key, each with what tells where it ends.
class KeyText {
public:
    explicit KeyText(std::string& out) : out_(out) { out_.clear(); }

    void number(const std::optional<std::uint64_t>& value)
    {
        out_.push_back(value ? 'n' : '-');
        append(value.value_or(0));
    }
    void text(const std::optional<std::string_view>& value)
    {
        out_.push_back(value ? 't' : '-');
        append(value ? value->size() : 0);
        out_.append(value.value_or(""));
    }

private:
    void append(std::uint64_t value)
    {
        std::array<char, sizeof value> bytes{};
        std::memcpy(bytes.data(), &value, sizeof value);
        out_.append(bytes.data(), bytes.size());
    }

    std::string& out_;
};

/// Without its start time a pid is not known to be the same process a minute later.
void add_process(KeyText& key, const Heading& heading, const SavedRow& row)
{
    const auto pid = row.number(Member::pid);
    const auto start_time = row.number(Member::start_time);
    const bool names_process = pid && start_time;
    key.text(row.text(Member::host));
    key.text(names_process ? heading.boot_id : std::nullopt);
    key.number(names_process ? pid : std::nullopt);
    key.number(names_process ? start_time : std::nullopt);
    key.text(row.text(Member::process));
    key.number(row.number(Member::kind));
    key.text(names_process ? std::nullopt : row.text(Member::user));
}

/// Traffic without an owner is in a unit, or known to be in none, if the cgroup of its sockets is known. Else it is
/// kept apart from that of processes in no unit, as in add_name. `is_of_one_group`: the saved row does not sum sockets
/// of different cgroups.
void add_of_owner(KeyText& key, const SavedRow& row, std::initializer_list<Member> members, bool is_of_one_group)
{
    const bool is_in_one =
        std::any_of(members.begin(), members.end(), [&row](Member member) { return row.find(member) != nullptr; });
    const bool is_in_none =
        is_of_one_group && row.number(Member::attribution) == static_cast<std::uint64_t>(Quality::socket);
    const bool is_apart = row.is(RowKind::cause) && !is_in_one && !is_in_none;
    key.number(is_apart);
    key.text(is_apart ? row.text(Member::process) : std::nullopt);
    for (const Member member : members) {
        key.text(row.text(member));
    }
}

void add_connection(KeyText& key, const Heading& heading, const SavedRow& row)
{
    add_process(key, heading, row);
    for (const Member member : {Member::netns, Member::protocol, Member::local_address, Member::remote_address}) {
        key.text(row.text(member));
    }
    key.number(row.number(Member::local_port));
    key.number(row.number(Member::remote_port));
}

/// Returns whether null means that there is nothing, and not that the row sums different values.
bool is_definite(Member member, GroupBy by)
{
    if (by == GroupBy::connection || to_string(by) == info(member).name) {
        return true;
    }
    switch (member) {
    case Member::process: return by == GroupBy::process || by == GroupBy::name;
    case Member::pid:
    case Member::user:
    case Member::uid:
    case Member::cgroup:
    case Member::unit:
    case Member::pod:
    case Member::pod_namespace: return by == GroupBy::process;
    case Member::container:
    case Member::container_id: return by == GroupBy::process || by == GroupBy::container;
    case Member::remote_address: return by == GroupBy::remote;
    default: return false; // of single sockets
    }
}

/// Returns whether the row says what it has in this column. Null does so if it means that there is nothing, but not if
/// the row sums different values or the column was not saved.
bool tells(const Heading& heading, const SavedRow& row, Member member)
{
    return row.find(member) != nullptr || (!row.is_absent(member) && is_definite(member, heading.by));
}

/// Traffic without an owner is in the unit of the row, if there is one; else `process` says which row it belongs to.
bool tells_of_owner(const Heading& heading, const SavedRow& row, Member member)
{
    return row.is(RowKind::cause) || tells(heading, row, member);
}

/// How long several windows are together does not say when the last of them ended; nor does it of several hosts'.
TimePoint end_of(const Heading& heading)
{
    const TimePoint begin = heading.started_at;
    return heading.host ? begin + std::min(heading.duration, TimePoint::max() - begin) : begin;
}

std::optional<std::uint64_t> unknown_connections_of(const SavedRow& row)
{
    const auto saved = row.number(Member::unknown_connections);
    if (saved.value_or(0) != 0 || (row.find(Member::rx_bytes) != nullptr && row.find(Member::tx_bytes) != nullptr)) {
        return saved;
    }
    return std::max<std::uint64_t>(row.number(Member::connections).value_or(1), 1);
}

} // namespace

Groups::Groups(GroupBy by, std::optional<Per> per, const std::vector<Member>& columns)
    : by_(by), per_(per), members_(columns)
{
    members_.insert(members_.end(), always.begin(), always.end());
    if (per) {
        members_.push_back(Member::time);
    }
    std::sort(members_.begin(), members_.end());
    members_.erase(std::unique(members_.begin(), members_.end()), members_.end());
    std::transform(members_.begin(), members_.end(), std::back_inserter(merging_),
                   [](Member member) { return info(member).merging; });
}

bool Groups::add(const Heading& heading, const SavedRow& row)
{
    make_key(heading, row);
    auto found = index_.find(std::string_view(key_));
    const bool is_first = found == index_.end();
    if (is_first) {
        found = index_.emplace(key_, groups_.size()).first;
        groups_.push_back({std::vector<Kept>(members_.size()), {}});
    }
    Group& group = groups_[found->second];
    group.until = std::max(group.until, end_of(heading));
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const Member member = members_[i];
        const Merging merging = merging_[i];
        if (merging == Merging::common && !is_first && !group.kept[i].is_known) {
            continue; // once null, it stays null
        }
        const Value* value = row.find(member);
        Value made;
        if (member == Member::time) {
            const TimePoint time = time_of(heading, row);
            const auto kept_time = per_ ? beginning(time, *per_) : time;
            made.number = static_cast<std::uint64_t>(kept_time.time_since_epoch().count());
            value = &made;
        } else if (member == Member::unknown_connections) {
            const auto unknown = unknown_connections_of(row);
            made.number = unknown.value_or(0);
            value = unknown ? &made : nullptr;
        } else if (row.is(RowKind::other) && merging == Merging::common && member != Member::kind &&
                   member != Member::process) {
            value = nullptr; // where the rest is keyed by text, "other" stands in for it
        }
        merge(group.kept[i], value, merging, is_first);
    }
    return tells_key(heading, row);
}

void Groups::make_key(const Heading& heading, const SavedRow& row)
{
    KeyText key(key_);
    if (per_) {
        key.number(static_cast<std::uint64_t>(beginning(time_of(heading, row), *per_).time_since_epoch().count()));
    }
    if (row.is(RowKind::other)) {
        key.text("other");
        return;
    }
    const bool is_of_one_group = heading.by == by_ || heading.by == GroupBy::connection;
    switch (by_) {
    case GroupBy::process: add_process(key, heading, row); break;
    case GroupBy::connection: add_connection(key, heading, row); break;
    case GroupBy::name:
        key.number(row.number(Member::kind));
        key.text(row.text(Member::process));
        break;
    case GroupBy::user: key.text(row.text(Member::user)); break;
    case GroupBy::remote: key.text(row.text(Member::remote_address)); break;
    case GroupBy::port: key.number(row.number(Member::port)); break;
    case GroupBy::protocol: key.text(row.text(Member::protocol)); break;
    case GroupBy::cgroup: add_of_owner(key, row, {Member::cgroup}, is_of_one_group); break;
    case GroupBy::unit: add_of_owner(key, row, {Member::unit}, is_of_one_group); break;
    case GroupBy::container:
        add_of_owner(key, row, {row.find(Member::container_id) != nullptr ? Member::container_id : Member::container},
                     is_of_one_group);
        break;
    case GroupBy::pod: add_of_owner(key, row, {Member::pod_namespace, Member::pod}, is_of_one_group); break;
    case GroupBy::netns:
        key.text(row.text(Member::host));
        key.text(row.text(Member::netns));
        break;
    case GroupBy::interface:
        key.text(row.text(Member::host));
        key.text(row.text(Member::interface));
        break;
    }
}

bool Groups::tells_key(const Heading& heading, const SavedRow& row) const
{
    const auto told = [&](Member member) { return tells(heading, row, member); };
    if (row.is(RowKind::other)) {
        return true;
    }
    switch (by_) {
    case GroupBy::process:
    case GroupBy::name: return told(Member::process);
    case GroupBy::connection:
        return told(Member::protocol) && told(Member::local_address) && told(Member::local_port) &&
               told(Member::remote_address) && told(Member::remote_port);
    case GroupBy::user: return told(Member::user);
    case GroupBy::remote: return told(Member::remote_address);
    case GroupBy::port: return told(Member::port);
    case GroupBy::protocol: return told(Member::protocol);
    case GroupBy::cgroup: return tells_of_owner(heading, row, Member::cgroup);
    case GroupBy::unit: return tells_of_owner(heading, row, Member::unit);
    case GroupBy::container: return tells_of_owner(heading, row, Member::container) || told(Member::container_id);
    case GroupBy::pod: return tells_of_owner(heading, row, Member::pod);
    case GroupBy::netns: return told(Member::netns);
    case GroupBy::interface: return told(Member::interface);
    }
    return true;
}

void Groups::merge(Kept& kept, const Value* value, Merging merging, bool is_first)
{
    if (is_first) {
        if (value != nullptr) {
            kept = {true, value->number, std::string(value->text)};
        }
        return;
    }
    const bool is_sum = merging == Merging::known_sum || merging == Merging::certain_sum;
    has_overflowed_ =
        has_overflowed_ || (is_sum && kept.is_known && value != nullptr && overflows(kept.number, value->number));
    switch (merging) {
    case Merging::common:
        kept.is_known = value != nullptr && kept.number == value->number && kept.text == value->text;
        break;
    case Merging::known_sum:
        if (value != nullptr) {
            kept.number = sum(kept.is_known ? kept.number : 0, value->number);
            kept.is_known = true;
        }
        break;
    case Merging::certain_sum:
        kept.is_known = kept.is_known && value != nullptr;
        kept.number = kept.is_known ? sum(kept.number, value->number) : 0;
        break;
    case Merging::worst:
        if (value != nullptr) {
            kept.number = kept.is_known ? std::max(kept.number, value->number) : value->number;
            kept.is_known = true;
        }
        break;
    }
}

std::vector<Row> Groups::rows() const
{
    std::vector<Row> rows;
    rows.reserve(groups_.size());
    for (const Group& group : groups_) {
        rows.push_back(row_of(group));
    }
    return rows;
}

Row Groups::row_of(const Group& group) const
{
    Row row;
    row.connections.reset();
    row.until = group.until;
    Identity identity;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (const Kept& kept = group.kept[i]; kept.is_known) {
            info(members_[i]).put(row, identity, {kept.number, kept.text});
        }
    }
    if (identity != Identity{}) {
        row.identity = std::make_shared<const Identity>(std::move(identity));
    }
    return row;
}

} // namespace socktally
