// SPDX-License-Identifier: MIT
// The kinds of filters: which values each kind takes, and how it judges a row. A filter cannot judge a null field,
// unless other fields show that this field has no value.
#include "table/filter_kinds.hpp"

#include "util/number.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

namespace socktally {

namespace {

using Numbers = FilterValue::Numbers;

constexpr Judgement judgement_of(bool holds) { return holds ? Judgement::in : Judgement::out; }

/// Applies `test` to a field. A null field gives `out` if `is_none` (the row certainly has no such value), else
/// `unknown`.
template <typename T, typename Test>
Judgement judge_field(const std::optional<T>& field, bool is_none, const Test& test)
{
    return field ? judgement_of(test(*field)) : is_none ? Judgement::out : Judgement::unknown;
}

template <typename T>
Judgement judge_equal(const std::optional<T>& field, bool is_none, const std::string& text)
{
    return judge_field(field, is_none, [&](const T& value) { return value == text; });
}

template <typename T>
std::uint64_t number_of(const T& id)
{
    if constexpr (requires { id.value; }) {
        return static_cast<std::uint64_t>(id.value);
    } else {
        return static_cast<std::uint64_t>(id);
    }
}

template <typename T>
Judgement judge_number(const std::optional<T>& field, bool is_none, const std::optional<Numbers>& numbers)
{
    return judge_field(field, is_none, [&](const T& value) { return numbers && numbers->contain(number_of(value)); });
}

/// Returns whether the row has a cause, such as "[exited]", in place of a process. If a saved row lacks the column
/// `kind`, its name decides.
bool is_of_cause(const Row& row)
{
    return row.kind ? row.kind == RowKind::cause : !row.pid && parse_cause(row.process.value_or(""));
}

/// Returns whether it is certain that no process moved the bytes.
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

/// Returns whether a null unit, container or pod means "none", not "unknown". It means "none" if the cgroup is known,
/// because all three follow from the cgroup, or if no process moved the bytes.
bool tells_groups(const Row& row) { return has_no_process(row) || identity_of(row).cgroup; }

/// Returns whether the container's name is unknown. Identity::container is then the beginning of the id.
bool is_nameless(const Identity& identity)
{
    return identity.container_id && identity.container_id->starts_with(identity.container.value_or(""));
}

FilterValue text_value(std::string_view text) { return {std::string(text)}; }

Numbers numbers_between(std::string_view what, std::string_view text, std::uint64_t low, std::uint64_t high)
{
    const std::uint64_t number = require_number(what, text, low, high);
    return {number, number};
}

/// Applies `test` to the other owners of the socket in a row of `ports`, because they use its port, too.
template <typename Test>
Judgement judge_sharers(const Row& row, const Test& test)
{
    return judgement_of(is_listed(row) && std::any_of(row.shared_with.begin(), row.shared_with.end(), test));
}

FilterValue pid_value(std::string_view text)
{
    return {std::string(text), numbers_between("pid", text, 1, std::numeric_limits<std::int32_t>::max())};
}

Judgement judge_pid(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    const auto is_it = [&](const Sharer& sharer) { return value.numbers->contain(number_of(sharer.pid)); };
    return std::max(judge_number(row.pid, has_no_process(row), value.numbers), judge_sharers(row, is_it));
}

/// Matches the processes of a tree. The number in `value` is the index of the tree's bit in Row::trees.
Judgement judge_tree(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    return judge_field(row.trees, has_no_process(row),
                       [&](std::uint64_t trees) { return (trees >> value.numbers->first & 1U) != 0; });
}

constexpr std::size_t longest_name = 15; // TASK_COMM_LEN without its NUL; the messages below say 15, too

FilterValue name_value(std::string_view text)
{
    if (text.size() > longest_name && !parse_cause(text)) {
        throw std::invalid_argument(
            fmt::format("bad name {}: the kernel cuts process names to 15 bytes; use {}, or --command {}", quote(text),
                        quote(text.substr(0, longest_name)), quote(text)));
    }
    return text_value(text);
}

FilterValue part_of_name(std::string_view text)
{
    if (text.size() > longest_name) {
        throw std::invalid_argument(fmt::format(
            "bad filter {}: the kernel cuts process names to 15 bytes; use fewer characters, or --command {}",
            quote(text), quote(text)));
    }
    return text_value(text);
}

/// Applies `test` to the name of the process and, in a row of `ports`, to the names of the socket's other owners.
template <typename Test>
Judgement judge_process(const Row& row, const Test& test)
{
    if (row.is_other()) {
        return Judgement::unknown;
    }
    if (is_of_cause(row)) {
        return has_no_process(row) ? Judgement::out : Judgement::unknown;
    }
    return std::max(judge_field(row.process, false, test),
                    judge_sharers(row, [&](const Sharer& sharer) { return test(sharer.name); }));
}

Judgement judge_name(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    if (parse_cause(value.text) && !row.is_other()) { // --name [exited] also matches a process called "[exited]"
        return judge_equal(row.process, false, value.text);
    }
    return judge_process(row, [&](const std::string& process) { return process == value.text; });
}

Judgement judge_part_of_name(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    return judge_process(row, [&](const std::string& process) { return process.find(value.text) != process.npos; });
}

/// Returns whether `path` is `wanted`, or has the file name `wanted` in any directory. Ignores " (deleted)", which the
/// kernel puts after the path of a removed file.
bool is_file(std::string_view path, std::string_view wanted)
{
    constexpr std::string_view gone = " (deleted)";
    if (wanted.find('/') == wanted.npos) {
        path.remove_prefix(path.rfind('/') + 1); // npos + 1 is 0
    }
    return path.starts_with(wanted) && (path.size() == wanted.size() || path.substr(wanted.size()) == gone);
}

Judgement judge_exe(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    return judge_field(identity_of(row).exe, has_no_process(row),
                       [&](const std::string& exe) { return is_file(exe, value.text); });
}

Judgement judge_command(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    return judge_field(identity_of(row).command, has_no_process(row),
                       [&](const std::string& command) { return command.find(value.text) != command.npos; });
}

Judgement judge_user(const Row& row, const FilterValue& user, const Machine& /*machine*/)
{
    if (user.numbers) {
        return judge_number(row.uid, has_no_process(row), user.numbers);
    }
    const bool is_number = user.text.find_first_not_of("0123456789") == std::string::npos;
    const auto is_its_number = [&](Uid uid) { return std::to_string(uid.value) == user.text; };
    return std::max(judge_equal(row.user, has_no_process(row), user.text),
                    is_number ? judge_field(row.uid, has_no_process(row), is_its_number) : Judgement::out);
}

/// Returns whether the text may be the name of a service, as in /etc/services.
bool may_be_service(std::string_view text)
{
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto is_allowed = [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || std::string_view("-+_./*").find(c) != std::string_view::npos;
    };
    constexpr std::size_t longest = 64;
    return text.size() <= longest && std::any_of(text.begin(), text.end(), is_letter) &&
           std::all_of(text.begin(), text.end(), is_allowed);
}

/// Parses "443", ":443" as ss(8) prints it, "8000-8099", or the name of a service, whose port is found later.
FilterValue port_value(std::string_view text)
{
    constexpr std::uint64_t last_port = std::numeric_limits<std::uint16_t>::max();
    const std::string_view port = text.substr(text.starts_with(':') ? 1 : 0);
    const auto slash = text.find('/');
    if (slash != text.npos && parse_port(text.substr(0, slash)) && parse_protocol(text.substr(slash + 1))) {
        throw std::invalid_argument(fmt::format("bad port {}: use {}, and --protocol {}", quote(text),
                                                text.substr(0, slash), text.substr(slash + 1)));
    }
    if (may_be_service(port)) {
        return text_value(port);
    }
    const auto dash = port.find('-');
    const auto first = parse_number(port.substr(0, dash)).value_or(0);
    const auto last = dash == port.npos ? first : parse_number(port.substr(dash + 1)).value_or(0);
    if (first == 0 || last > last_port || first > last) {
        throw std::invalid_argument(
            fmt::format("bad port {}: use a number from 1 to {}, a range such as 8000-8099, or the name of a service",
                        quote(text), last_port));
    }
    return {std::string(text), Numbers{first, last}};
}

/// Returns whether a container engine publishes the row's socket at a port of this machine from ports.first to
/// ports.last. Only rows of the command `ports` can match. Row::published holds texts such as "0.0.0.0:8080->80/tcp",
/// separated by commas.
bool is_published_at(const Row& row, const Numbers& ports)
{
    std::string_view rest = is_listed(row) && row.published ? std::string_view(*row.published) : "";
    for (auto arrow = rest.find("->"); arrow != rest.npos; arrow = rest.find("->")) {
        const std::string_view host = rest.substr(0, arrow);
        const auto port = parse_number(host.substr(host.rfind(':') + 1)); // npos + 1 is 0
        if (port && ports.contain(*port)) {
            return true;
        }
        rest.remove_prefix(arrow + 2);
    }
    return false;
}

Judgement judge_port(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    if (value.numbers && is_published_at(row, *value.numbers)) {
        return Judgement::in;
    }
    if (row.protocol && !has_ports(*row.protocol)) { // a raw socket has the number of a protocol in place of a port
        return Judgement::out;
    }
    const bool is_none = is_listed(row);
    return std::max(judge_number(row.local_port, is_none, value.numbers),
                    judge_number(row.remote_port, is_none, value.numbers));
}

/// Parses the name of a state. Accepts the spellings of ss(8) and netstat(8): LISTEN, TIME-WAIT, TIME_WAIT. Accepts
/// "all", too. It means no filter, so settle_filter() removes it.
FilterValue state_value(std::string_view text)
{
    std::string name = lower(text);
    std::replace(name.begin(), name.end(), '_', '-');
    const auto state = parse_connection_state(name);
    if (!state && name != "all") {
        throw std::invalid_argument(
            fmt::format("unknown state {}: {}", quote(text), suggest(text, connection_state_names())));
    }
    return {std::move(name), state ? std::optional(Numbers{number_of(*state), number_of(*state)}) : std::nullopt};
}

Judgement judge_state(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    const bool is_tcp = row.protocol == Protocol::tcp || row.protocol == Protocol::mptcp;
    const bool has_none = row.protocol && !is_tcp; // in a sample
    return judge_number(row.facts != nullptr ? row.facts->state : std::nullopt, has_none, value.numbers);
}

struct AddressWord {
    std::string_view word;
    std::string_view networks;
};

/// Words for networks that are not public.
constexpr std::array<AddressWord, 3> address_words{{{"private", private_networks},
                                                    {"loopback", "127.0.0.0/8,::1"},
                                                    {"multicast", "224.0.0.0/4,255.255.255.255,ff00::/8"}}};
constexpr std::string_view own_word = "own";
constexpr std::string_view public_word = "public";

std::span<const std::string_view> network_words()
{
    static constexpr std::array<std::string_view, 5> words{"private", "loopback", "multicast", own_word, public_word};
    return words;
}

void add_networks(std::vector<Prefix>& networks, const AddressWord& word)
{
    for (const std::string_view network : split(word.networks, ',')) {
        networks.push_back(parse_prefix(network).value());
    }
}

/// Returns whether the text may be a host name. If only digits follow the last dot, the text is an invalid address.
bool may_be_host(std::string_view text)
{
    constexpr std::size_t longest = 253;
    const std::string_view last = text.substr(text.rfind('.') + 1);
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_';
    };
    return text.size() <= longest && std::all_of(text.begin(), text.end(), is_allowed) && text.front() != '-' &&
           text.front() != '.' && (last.empty() || last.find_first_not_of("0123456789") != last.npos);
}

/// Returns whether two names are those of one host. Upper and lower case, and a last dot, make no difference.
bool is_same_host(std::string_view name, std::string_view wanted)
{
    const auto plain = [](std::string_view text) { return lower(text.substr(0, text.size() - text.ends_with('.'))); };
    return !name.empty() && plain(name) == plain(wanted);
}

FilterValue address_value(std::string_view text)
{
    FilterValue value{std::string(text)};
    if (const auto network = parse_prefix(text)) {
        value.networks.push_back(*network);
        return value;
    }
    const auto colon = text.rfind(':');
    if (colon != text.npos && parse_address(text.substr(0, colon)) && parse_port(text.substr(colon + 1))) {
        throw std::invalid_argument(fmt::format("bad address {}: use {}, and --port {}", quote(text),
                                                text.substr(0, colon), text.substr(colon + 1)));
    }
    value.is_elsewhere = text == public_word;
    value.is_own = text == own_word;
    for (const AddressWord& each : address_words) {
        if (value.is_elsewhere || text == each.word) {
            add_networks(value.networks, each);
        }
    }
    value.is_host = value.networks.empty() && !value.is_own;
    if (value.is_host && !may_be_host(text)) {
        throw std::invalid_argument(
            fmt::format("bad address {}: use an address (10.0.0.1, fe80::1), a network (10.0.0.0/8, 2001:db8::/32), "
                        "a host name, or one of the words private, loopback, multicast, own, public",
                        quote(text)));
    }
    return value;
}

bool is_among(const Address& address, const FilterValue& value)
{
    const bool is_in_one = std::any_of(value.networks.begin(), value.networks.end(),
                                       [&](const Prefix& network) { return network.contains(address); });
    return is_in_one != value.is_elsewhere;
}

/// Returns whether the row's sockets are in another network namespace, which has its own interfaces and addresses.
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

/// Returns `in` if the remote end is on this machine, where the local end always is.
Judgement judge_own(const Row& row, const Machine& machine)
{
    if (!row.protocol) { // without a protocol, the row has no addresses
        return Judgement::unknown;
    }
    if (is_listed(row) && !row.remote_address) {
        return judgement_of(row.local_address && row.local_address->is_loopback());
    }
    if (const auto stays = stays_on_this_machine(tuple_of(row), row.netns.value_or(Inode{}), machine)) {
        return judgement_of(*stays);
    }
    return row.device == 0 || is_elsewhere(row, machine) ? Judgement::unknown
                                                         : judgement_of(row.device == loopback_of(machine.interfaces));
}

Judgement judge_remote(const Row& row, const FilterValue& value, const Machine& machine)
{
    if (value.is_own) {
        return judge_own(row, machine);
    }
    if (value.is_host && row.remote != nullptr && is_same_host(row.remote->name.value_or(""), value.text)) {
        return Judgement::in;
    }
    const auto& address = row.remote_address;
    if (!address || address->is_unspecified()) { // in `ports`, a socket without a remote address is unconnected
        return is_listed(row) ? Judgement::out : Judgement::unknown;
    }
    return judgement_of(is_among(*address, value));
}

/// Judges the local address. In a sample, 0.0.0.0 or :: means that the local address of the traffic is unknown. Only a
/// filter for exactly 0.0.0.0 or :: can judge it. In rows of `ports`, 0.0.0.0 and :: are addresses like any other,
/// except that they are not `public`.
Judgement judge_local(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    const auto& address = row.local_address;
    if (!address) {
        return is_listed(row) ? Judgement::out : Judgement::unknown;
    }
    if (value.is_own) { // a multicast or broadcast address belongs to many machines
        return judgement_of(!address->goes_to_many());
    }
    const bool is_asked_for = parse_address(value.text) == address;
    if (is_listed(row) && address->is_unspecified()) {
        return judgement_of(is_asked_for || (!value.is_elsewhere && is_among(*address, value)));
    }
    return is_asked_for || !address->is_unspecified() ? judgement_of(is_among(*address, value)) : Judgement::unknown;
}

/// Returns the address family of the traffic; null if it is unknown, because a socket bound to :: may receive IPv4,
/// too.
std::optional<Family> family_of(const Row& row)
{
    if (row.remote_address && !row.remote_address->is_unspecified()) {
        return row.remote_address->family;
    }
    const Address local = row.local_address.value_or(Address{});
    const bool is_known = is_listed(row) || local.family == Family::v4 || !local.is_unspecified();
    return is_known ? std::optional(local.family) : std::nullopt;
}

/// Returns whether the row is of `ports`, and its socket is bound to :: and accepts IPv4, too. Also returns true if
/// /proc/net does not show whether the socket accepts IPv4.
bool takes_any_family(const Row& row)
{
    return is_listed(row) && !row.remote_address && row.local_address && row.local_address->is_unspecified() &&
           row.local_address->family == Family::v6 && row.facts->v6_only != true;
}

template <Family family>
Judgement judge_family(const Row& row, const FilterValue& /*value*/, const Machine& /*machine*/)
{
    if (takes_any_family(row)) {
        return row.facts->v6_only ? Judgement::in : Judgement::unknown;
    }
    return judge_field(family_of(row), is_listed(row), [](Family its_own) { return its_own == family; });
}

FilterValue protocol_value(std::string_view text)
{
    const auto protocol = parse_protocol(lower(text));
    if (!protocol) {
        throw std::invalid_argument(
            fmt::format("unknown protocol {}: {}", quote(text), suggest(text, protocol_names())));
    }
    return {std::string(text), Numbers{number_of(*protocol), number_of(*protocol)}};
}

Judgement judge_protocol(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    return judge_number(row.protocol, false, value.numbers);
}

/// Matches a cgroup and all cgroups below it. The value may begin with a slash or not.
Judgement judge_cgroup(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    std::string_view wanted = value.text;
    wanted.remove_prefix(std::min(wanted.find_first_not_of('/'), wanted.size()));
    while (wanted.ends_with('/')) {
        wanted.remove_suffix(1);
    }
    return judge_field(identity_of(row).cgroup, has_no_process(row), [&](std::string_view path) {
        path.remove_prefix(path.starts_with('/') ? 1 : 0);
        return wanted.empty() ||
               (path.starts_with(wanted) && (path.size() == wanted.size() || path[wanted.size()] == '/'));
    });
}

/// Matches a unit by its name, with or without ".service".
Judgement judge_unit(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    const std::string& name = value.text;
    return judge_field(identity_of(row).unit, tells_groups(row), [&](std::string_view unit) {
        return unit.starts_with(name) && (unit.size() == name.size() || unit.substr(name.size()) == ".service");
    });
}

/// Returns whether the container id begins with `name`, and `name` is long enough to be part of an id.
bool begins_id(std::string_view id, std::string_view name)
{
    constexpr std::size_t shortest = 4; // enough for people; a shorter text is probably a name
    return name.size() >= shortest && id.starts_with(name);
}

Judgement judge_container(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    const Identity& identity = identity_of(row);
    const bool is_none = tells_groups(row);
    const Judgement by_name =
        is_nameless(identity) ? Judgement::unknown : judge_equal(identity.container, is_none, value.text);
    return std::max(by_name, judge_field(identity.container_id, is_none,
                                         [&](const std::string& id) { return begins_id(id, value.text); }));
}

/// Matches a pod by its name or by its uid. Identity::pod holds the uid if the name is not known.
Judgement judge_pod(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    const Identity& identity = identity_of(row);
    const bool is_none = tells_groups(row);
    const bool has_name = identity.pod && identity.pod != identity.pod_uid;
    const bool is_unnamed = !has_name && (identity.pod || is_nameless(identity));
    return std::max(is_unnamed ? Judgement::unknown : judge_equal(identity.pod, is_none, value.text),
                    judge_equal(identity.pod_uid, is_none || has_name, value.text));
}

Judgement judge_netns(const Row& row, const FilterValue& netns, const Machine& /*machine*/)
{
    return netns.numbers ? judge_number(row.netns, false, netns.numbers)
                         : judge_equal(row.netns_name, false, netns.text);
}

Judgement judge_interface(const Row& row, const FilterValue& interface, const Machine& machine)
{
    if (row.interface) { // rows by interface
        return judgement_of(*row.interface == interface.text);
    }
    if (is_elsewhere(row, machine)) {
        return Judgement::out;
    }
    if (is_listed(row) && row.device == 0 && row.local_address && row.local_address->is_unspecified()) {
        return Judgement::in; // the socket can be reached over every interface
    }
    const std::uint32_t index = interface_of(tuple_of(row), row.device, machine);
    const bool is_it = interface.numbers && interface.numbers->contain(index);
    return index == 0 ? Judgement::unknown : judgement_of(is_it);
}

/// Returns whether the name ends with `suffix`, whose first dot separates labels in the name too. A dot behind an odd
/// number of backslashes is part of a label.
bool is_below(std::string_view name, std::string_view suffix)
{
    if (!name.ends_with(suffix)) {
        return false;
    }
    name.remove_suffix(suffix.size());
    const std::size_t last = name.find_last_not_of('\\');
    const std::size_t backslashes = name.size() - (last == name.npos ? 0 : last + 1);
    return backslashes % 2 == 0;
}

/// Matches names that contain the text, or with `*.example.org` those below that name, in upper or lower case.
Judgement judge_query(const Row& row, const FilterValue& value, const Machine& /*machine*/)
{
    const std::string wanted = in_lower_case(value.text);
    const bool is_suffix = wanted.starts_with("*.");
    return judge_field(
        row.lookups != nullptr ? row.lookups->query : std::nullopt, false, [&](const std::string& query) {
            const std::string name = in_lower_case(query);
            return is_suffix ? is_below(name, std::string_view(wanted).substr(1)) : name.find(wanted) != name.npos;
        });
}

/// Matches traffic unless both of its ends are on this machine.
Judgement judge_no_loopback(const Row& row, const FilterValue& /*value*/, const Machine& machine)
{
    const Judgement own = judge_own(row, machine);
    return own == Judgement::unknown ? own : judgement_of(own == Judgement::out);
}

constexpr std::array kind_table{
    FilterKind{.names = "--pid",
               .value = "PID,...",
               .help = "the process with this id",
               .columns = "pid",
               .requirement = Requirement::processes,
               .parse = pid_value,
               .judge = judge_pid,
               .offers = "@pids",
               .relation = "has the pid"},
    FilterKind{.names = "--name",
               .value = "NAME",
               .help = "processes with exactly this name, commas included",
               .columns = "process",
               .requirement = Requirement::processes,
               .parse = name_value,
               .judge = judge_name,
               .relation = "is called",
               .meant = "process"},
    FilterKind{.names = "--filter",
               .value = "TEXT",
               .help = "processes with this text in their name",
               .columns = "process",
               .requirement = Requirement::processes,
               .parse = part_of_name,
               .judge = judge_part_of_name,
               .relation = "has a name that contains"},
    FilterKind{.names = "--exe",
               .value = "FILE,...",
               .help = "processes that run this file, by path or by name",
               .columns = "exe",
               .requirement = Requirement::exe,
               .parse = text_value,
               .judge = judge_exe,
               .offers = "@files",
               .relation = "runs the file",
               .meant = "exe"},
    FilterKind{.names = "--command",
               .value = "TEXT",
               .help = "processes with this text in their command line",
               .columns = "command",
               .requirement = Requirement::command,
               .parse = text_value,
               .judge = judge_command,
               .relation = "has a command line that contains"},
    FilterKind{.names = "--user",
               .value = "USER,...",
               .help = "processes of this user, by name or number",
               .columns = "user,uid",
               .requirement = Requirement::processes,
               .parse = text_value,
               .judge = judge_user,
               .offers = "@users"},
    FilterKind{.names = "--port",
               .value = "PORT,...",
               .help = "connections with this port, service or range of ports at either end: 443, https, 8000-8099",
               .columns = "local_port,remote_port",
               .requirement = Requirement::peers,
               .parse = port_value,
               .judge = judge_port},
    FilterKind{.names = "--remote",
               .value = "ADDRESS,...",
               .help = "connections to this address, network (10.0.0.0/8) or host, or to {} addresses",
               .columns = "remote_address",
               .requirement = Requirement::peers,
               .parse = address_value,
               .judge = judge_remote,
               .words = network_words},
    FilterKind{.names = "--local",
               .value = "ADDRESS,...",
               .help = "connections with this local address; like --remote",
               .columns = "local_address",
               .requirement = Requirement::tuples,
               .parse = address_value,
               .judge = judge_local,
               .words = network_words},
    FilterKind{.names = "-4,--ipv4",
               .value = nullptr,
               .help = "only IPv4",
               .columns = "local_address,remote_address",
               .requirement = Requirement::peers,
               .parse = text_value,
               .judge = judge_family<Family::v4>},
    FilterKind{.names = "-6,--ipv6",
               .value = nullptr,
               .help = "only IPv6",
               .columns = "local_address,remote_address",
               .requirement = Requirement::peers,
               .parse = text_value,
               .judge = judge_family<Family::v6>},
    FilterKind{.names = "--protocol",
               .value = "PROTO,...",
               .help = "tcp, udp, icmp, sctp, ...: see socktally(1)",
               .columns = "protocol",
               .requirement = Requirement::tuples,
               .parse = protocol_value,
               .judge = judge_protocol,
               .words = protocol_names},
    FilterKind{.names = "--container",
               .value = "NAME,...",
               .help = "processes in this container, by name or id",
               .columns = "cgroup,container,container_id",
               .requirement = Requirement::containers,
               .parse = text_value,
               .judge = judge_container,
               .relation = "is in the container",
               .meant = "container"},
    FilterKind{.names = "--pod",
               .value = "NAME,...",
               .help = "processes in this pod, by name or uid",
               .columns = "cgroup,pod",
               .requirement = Requirement::containers,
               .parse = text_value,
               .judge = judge_pod,
               .relation = "is in the pod",
               .meant = "pod"},
    FilterKind{.names = "--unit",
               .value = "UNIT,...",
               .help = "processes of this systemd unit; .service is implied",
               .columns = "cgroup,unit",
               .requirement = Requirement::cgroup,
               .parse = text_value,
               .judge = judge_unit,
               .relation = "is in the unit",
               .meant = "unit"},
    FilterKind{.names = "--cgroup",
               .value = "PATH,...",
               .help = "processes in this cgroup or below it",
               .columns = "cgroup",
               .requirement = Requirement::cgroup,
               .parse = text_value,
               .judge = judge_cgroup,
               .relation = "is in the cgroup",
               .meant = "cgroup"},
    FilterKind{.names = "--netns",
               .value = "NAME,...",
               .help = "sockets in this network namespace: a name, a number, a process id, current or all (default)",
               .columns = "netns",
               .requirement = Requirement::netns,
               .parse = text_value,
               .judge = judge_netns,
               .offers = "@netns"},
    FilterKind{.names = "--interface",
               .value = "NAME,...",
               .help = "connections over this network interface",
               .columns = "",
               .requirement = Requirement::peers,
               .parse = text_value,
               .judge = judge_interface,
               .takers = FilterKind::Takers::samples,
               .offers = "@interfaces"},
    FilterKind{.names = "--tree",
               .value = "PID,...",
               .help = "the process with this id, and all that it starts",
               .columns = "",
               .requirement = Requirement::trees,
               .parse = pid_value,
               .judge = judge_tree,
               .takers = FilterKind::Takers::all_but_run,
               .offers = "@pids"},
    FilterKind{.names = "--state",
               .value = "STATE,...",
               .help = "sockets in this state: established, closed, ...",
               .columns = "state",
               .requirement = Requirement::state,
               .parse = state_value,
               .judge = judge_state,
               .words = connection_state_names},
    FilterKind{.names = "--no-loopback",
               .value = nullptr,
               .help = "leave out traffic within this machine",
               .columns = "",
               .requirement = Requirement::peers,
               .parse = text_value,
               .judge = judge_no_loopback,
               .takers = FilterKind::Takers::samples},
    FilterKind{.names = "--query",
               .value = "NAME,...",
               .help = "dns: names that contain this, or are *.example.org",
               .columns = "query",
               .requirement = Requirement::lookups,
               .parse = text_value,
               .judge = judge_query,
               .takers = FilterKind::Takers::lookups},
};

static_assert(kind_table.size() <= 32,
              "Judged::unsure has two bits for each filter kind: one for the filter, one for its opposite");

} // namespace

std::span<const FilterKind> filter_kinds() { return kind_table; }

const FilterKind* find_filter_kind(std::string_view name)
{
    const auto* found =
        std::find_if(kind_table.begin(), kind_table.end(), [&](const FilterKind& k) { return k.name() == name; });
    return found == kind_table.end() ? nullptr : found;
}

std::vector<std::string> split_values(std::string_view text)
{
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ',' || text[i] == '\n') {
            parts.emplace_back();
        } else {
            i += text.substr(i).starts_with("\\,") ? 1 : 0;
            parts.back() += text[i];
        }
    }
    if (std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); })) {
        throw std::invalid_argument(fmt::format("bad list {}: an item is empty", quote(text)));
    }
    return parts;
}

} // namespace socktally
