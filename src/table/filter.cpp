// SPDX-License-Identifier: MIT
// Judges a row by each kind of filter, and combines the judgements. Null means unknown, unless the rest of the
// row rules a value out.
#include "table/filter.hpp"

#include "table/columns.hpp"
#include "util/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace socktally {

namespace {

struct KindInfo {
    std::string_view name;
    std::string_view columns; // by which a saved row is judged
    Requirement requirement;
};

// In the order of FilterKind.
constexpr std::array<KindInfo, 13> kind_table{{{"pid", "pid", Requirement::processes},
                                               {"name", "process", Requirement::processes},
                                               {"filter", "process", Requirement::processes},
                                               {"user", "user,uid", Requirement::processes},
                                               {"port", "local_port,remote_port", Requirement::peers},
                                               {"remote", "remote_address", Requirement::peers},
                                               {"protocol", "protocol", Requirement::tuples},
                                               {"container", "cgroup,container,container_id", Requirement::containers},
                                               {"pod", "cgroup,pod", Requirement::containers},
                                               {"unit", "cgroup,unit", Requirement::cgroup},
                                               {"netns", "netns", Requirement::netns},
                                               {"interface", "", Requirement::peers},
                                               {"no-loopback", "", Requirement::peers}}};

/// The columns by which a kind of filter judges saved rows.
const ColumnSet& columns_of(std::size_t kind)
{
    static const auto sets = [] {
        std::array<ColumnSet, kind_table.size()> all;
        std::transform(kind_table.begin(), kind_table.end(), all.begin(),
                       [](const KindInfo& info) { return column_set(info.columns); });
        return all;
    }();
    return sets.at(kind);
}

constexpr unsigned excluded_shift = 16;

constexpr std::uint32_t bit(FilterKind kind) { return 1U << static_cast<unsigned>(kind); }

constexpr Judgement judgement_of(bool holds) { return holds ? Judgement::in : Judgement::out; }

/// Unknown stays unknown.
constexpr Judgement opposite(Judgement judgement)
{
    return judgement == Judgement::unknown ? judgement : judgement_of(judgement == Judgement::out);
}

/// `is_none`: if the field is null there is nothing that could match.
template <typename T, typename Test>
Judgement judge_field(const std::optional<T>& field, bool is_none, const Test& test)
{
    return field ? judgement_of(test(*field)) : is_none ? Judgement::out : Judgement::unknown;
}

template <typename T, typename Value>
Judgement judge_equal(const std::optional<T>& field, bool is_none, const Value& wanted)
{
    return judge_field(field, is_none, [&](const T& value) { return value == wanted; });
}

/// Also if the kind of the row was not saved.
bool is_of_cause(const Row& row)
{
    return row.kind ? row.kind == RowKind::cause : !row.pid && parse_cause(row.process.value_or(""));
}

/// Returns whether it is known that no process moved the bytes.
bool has_no_process(const Row& row)
{
    const auto cause = is_of_cause(row) ? parse_cause(row.process.value_or("")) : std::nullopt;
    return cause && !hides_process(*cause);
}

const Identity& identity_of(const Row& row)
{
    static const Identity unknown;
    return row.identity ? *row.identity : unknown;
}

/// If the cgroup of a process was read, the process is in no other unit, container or pod than the cgroup says.
bool tells_groups(const Row& row) { return has_no_process(row) || identity_of(row).cgroup; }

/// Engines print the first digits of the id if they print no name; so does the column `container` if the name is not
/// known.
bool is_nameless(const Identity& identity)
{
    return identity.container_id && identity.container_id->starts_with(identity.container.value_or(""));
}

Judgement judge_pid(const Row& row, Pid pid, const Machine& /*machine*/)
{
    return judge_equal(row.pid, has_no_process(row), pid);
}

/// `test` judges the name of a process.
template <typename Test>
Judgement judge_process(const Row& row, const Test& test)
{
    if (row.is_other()) {
        return Judgement::unknown;
    }
    if (is_of_cause(row)) {
        return has_no_process(row) ? Judgement::out : Judgement::unknown;
    }
    return judge_field(row.process, false, test);
}

Judgement judge_name(const Row& row, const std::string& name, const Machine& /*machine*/)
{
    if (parse_cause(name) && !row.is_other()) { // also of a process that calls itself so
        return judge_equal(row.process, false, name);
    }
    return judge_process(row, [&](const std::string& process) { return process == name; });
}

Judgement judge_substring(const Row& row, const std::string& part, const Machine& /*machine*/)
{
    return judge_process(row, [&](const std::string& process) { return process.find(part) != process.npos; });
}

Judgement judge_user(const Row& row, const Named<Uid>& user, const Machine& /*machine*/)
{
    if (user.id) {
        return judge_equal(row.uid, has_no_process(row), *user.id);
    }
    const auto is_its_number = [&](Uid uid) { return std::to_string(uid.value) == user.name; };
    const bool is_number = user.name.find_first_not_of("0123456789") == std::string::npos;
    return std::max(judge_equal(row.user, has_no_process(row), user.name),
                    is_number ? judge_field(row.uid, has_no_process(row), is_its_number) : Judgement::out);
}

Judgement judge_port(const Row& row, std::uint16_t port, const Machine& /*machine*/)
{
    const bool is_none = row.protocol && !has_ports(*row.protocol);
    return std::max(judge_equal(row.local_port, is_none, port), judge_equal(row.remote_port, is_none, port));
}

Judgement judge_remote(const Row& row, const Prefix& prefix, const Machine& /*machine*/)
{
    const auto& address = row.remote_address;
    return address && !address->is_unspecified() ? judgement_of(prefix.contains(*address)) : Judgement::unknown;
}

Judgement judge_protocol(const Row& row, Protocol protocol, const Machine& /*machine*/)
{
    return judge_equal(row.protocol, false, protocol);
}

Judgement judge_container(const Row& row, const std::string& name, const Machine& /*machine*/)
{
    const Identity& identity = identity_of(row);
    const bool is_none = tells_groups(row);
    const Judgement by_name =
        is_nameless(identity) ? Judgement::unknown : judge_equal(identity.container, is_none, name);
    return std::max(by_name, judge_field(identity.container_id, is_none,
                                         [&](const std::string& id) { return begins_id(id, name); }));
}

/// If the name of a pod is not known, its uid is in the place of the name.
Judgement judge_pod(const Row& row, const std::string& name, const Machine& /*machine*/)
{
    const Identity& identity = identity_of(row);
    const bool is_none = tells_groups(row);
    const bool has_name = identity.pod && identity.pod != identity.pod_uid;
    const bool is_unnamed = !has_name && (identity.pod || is_nameless(identity));
    return std::max(is_unnamed ? Judgement::unknown : judge_equal(identity.pod, is_none, name),
                    judge_equal(identity.pod_uid, is_none || has_name, name));
}

/// ".service" may be left out.
Judgement judge_unit(const Row& row, const std::string& name, const Machine& /*machine*/)
{
    return judge_field(identity_of(row).unit, tells_groups(row), [&](std::string_view unit) {
        return unit.starts_with(name) && (unit.size() == name.size() || unit.substr(name.size()) == ".service");
    });
}

Judgement judge_netns(const Row& row, const Named<Inode>& netns, const Machine& /*machine*/)
{
    return netns.id ? judge_equal(row.netns, false, *netns.id) : judge_equal(row.netns_name, false, netns.name);
}

/// Interfaces and addresses of another namespace are not those of this one.
bool is_elsewhere(const Row& row, const Machine& machine)
{
    return (row.kind == RowKind::cause && row.process == cause_name(Cause::other_netns)) ||
           (machine.netns != Inode{} && row.netns && *row.netns != machine.netns);
}

Tuple tuple_of(const Row& row)
{
    return {row.protocol.value_or(Protocol::tcp),
            {row.local_address.value_or(Address{}), row.local_port.value_or(0)},
            {row.remote_address.value_or(Address{}), row.remote_port.value_or(0)}};
}

Judgement judge_interface(const Row& row, const Named<std::uint32_t>& interface, const Machine& machine)
{
    if (row.interface) { // which the row is of
        return judgement_of(*row.interface == interface.name);
    }
    if (is_elsewhere(row, machine)) {
        return Judgement::out;
    }
    const std::uint32_t index = interface_of(tuple_of(row), row.device, machine.interfaces);
    return index == 0 ? Judgement::unknown : judgement_of(index == interface.id);
}

/// Returns whether both ends are on this machine.
Judgement judge_loopback(const Row& row, const Machine& machine)
{
    if (!row.protocol) { // there are no addresses either
        return Judgement::unknown;
    }
    if (const auto stays = stays_on_this_machine(tuple_of(row), machine.interfaces)) {
        return judgement_of(*stays);
    }
    return row.device == 0 || is_elsewhere(row, machine) ? Judgement::unknown
                                                         : judgement_of(row.device == loopback_of(machine.interfaces));
}

/// Calls `use` with each kind that has values, the values, and what judges a row by one of them.
template <typename Use>
void for_each_kind(const Criteria& criteria, const Use& use)
{
    const auto visit = [&use](FilterKind kind, const auto& list, const auto& judge) {
        if (!list.empty()) {
            use(kind, list, judge);
        }
    };
    visit(FilterKind::pid, criteria.pids, judge_pid);
    visit(FilterKind::name, criteria.names, judge_name);
    visit(FilterKind::filter, criteria.substrings, judge_substring);
    visit(FilterKind::user, criteria.users, judge_user);
    visit(FilterKind::port, criteria.ports, judge_port);
    visit(FilterKind::remote, criteria.remotes, judge_remote);
    visit(FilterKind::protocol, criteria.protocols, judge_protocol);
    visit(FilterKind::container, criteria.containers, judge_container);
    visit(FilterKind::pod, criteria.pods, judge_pod);
    visit(FilterKind::unit, criteria.units, judge_unit);
    visit(FilterKind::netns, criteria.namespaces, judge_netns);
    visit(FilterKind::interface, criteria.interfaces, judge_interface);
}

std::string byte_text(const std::optional<std::uint64_t>& rx, const std::optional<std::uint64_t>& tx)
{
    if (!rx && !tx) {
        return "an unknown number of bytes";
    }
    return fmt::format("{} received, {} sent", rx ? plural(*rx, "byte") : "an unknown number of bytes",
                       tx ? std::to_string(*tx) : "an unknown number");
}

} // namespace

std::string_view to_string(FilterKind kind) { return kind_table.at(static_cast<std::size_t>(kind)).name; }

bool begins_id(std::string_view id, std::string_view name)
{
    constexpr std::size_t shortest = 12; // what engines print; less might be a name
    return name.size() >= shortest && id.starts_with(name);
}

std::uint32_t Filter::kinds() const
{
    std::uint32_t kinds = loopback ? 0 : bit(FilterKind::no_loopback);
    const auto add = [&kinds](FilterKind kind, const auto& /*list*/, const auto& /*judge*/) { kinds |= bit(kind); };
    for_each_kind(*this, add);
    for_each_kind(excluded, add);
    return kinds;
}

bool Filter::requires_any(Requirement requirement) const
{
    const std::uint32_t asked = kinds();
    for (std::size_t kind = 0; kind < kind_table.size(); ++kind) {
        if ((asked >> kind & 1U) != 0 && kind_table[kind].requirement == requirement) {
            return true;
        }
    }
    return false;
}

Judged Filter::judge(const Row& row) const
{
    Judged result;
    const auto require = [&result](std::uint32_t option, Judgement judgement) {
        result.judgement = std::min(result.judgement, judgement);
        result.unsure |= judgement == Judgement::unknown ? option : 0U;
    };
    const auto any_of = [&](const auto& list, const auto& judge) {
        Judgement judgement = Judgement::out;
        for (const auto& value : list) {
            judgement = std::max(judgement, judge(row, value, machine));
        }
        return judgement;
    };
    for_each_kind(
        *this, [&](FilterKind kind, const auto& list, const auto& judge) { require(bit(kind), any_of(list, judge)); });
    for_each_kind(excluded, [&](FilterKind kind, const auto& list, const auto& judge) {
        require(bit(kind) << excluded_shift, opposite(any_of(list, judge)));
    });
    if (!loopback) {
        require(bit(FilterKind::no_loopback), opposite(judge_loopback(row, machine)));
    }
    result.unsure = result.judgement == Judgement::unknown ? result.unsure : 0;
    return result;
}

void Unjudged::add(const Judged& judged, const Row& row, std::uint64_t count, const ColumnSet& saved)
{
    count_ = sum(count_, count);
    unsure_ |= judged.unsure;
    for (std::size_t kind = 0; kind < kind_table.size(); ++kind) {
        if (((judged.unsure | judged.unsure >> excluded_shift) >> kind & 1U) != 0) {
            lacking_ |= columns_of(kind) & ~saved;
        }
    }
    add_or_lose(sockets_, row.connections);
    rx_.add(row.rx_bytes);
    tx_.add(row.tx_bytes);
}

Note Unjudged::note(std::string_view noun) const
{
    std::string filters;
    for (const unsigned shift : {0U, excluded_shift}) {
        for (std::size_t kind = 0; kind < kind_table.size(); ++kind) {
            if ((unsure_ >> (kind + shift) & 1U) != 0) {
                filters.append(filters.empty() ? "" : ", ").append(shift != 0 ? "--exclude " : "--");
                filters.append(kind_table[kind].name);
            }
        }
    }
    const bool is_one = count_ == 1;
    Note note(NoteCode::filter_unjudged,
              fmt::format("{} left out because {} cannot judge {}: {}",
                          plural(count_, fmt::format("{} was", noun), fmt::format("{}s were", noun)), filters,
                          is_one ? "it" : "them", byte_text(rx_.value(), tx_.value())),
              saving_remedy(lacking_));
    note.missing = Missing{sockets_, rx_.value(), tx_.value()};
    return note;
}

std::string saving_remedy(const ColumnSet& columns)
{
    if (columns.none()) {
        return "";
    }
    return "record with -o +" + names_of(columns);
}

} // namespace socktally
