// SPDX-License-Identifier: MIT
// The table of keys, and the functions by which each key identifies the group of a row.
#include "table/keys.hpp"

#include "table/row.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <stdexcept>

namespace socktally {

/// Writes the values that identify a group. Each value shows where it ends, so different groups have different texts.
class KeyText {
public:
    explicit KeyText(std::string& out) : out_(out) { out_.clear(); }

    void add(const std::optional<std::string_view>& text)
    {
        out_.push_back(text ? 't' : '-');
        append(text ? text->size() : 0);
        out_.append(text.value_or(""));
    }
    void add(const std::optional<std::string>& text) { add(std::optional<std::string_view>(text)); }
    void add(const std::optional<Address>& value)
    {
        const Address address = value.value_or(Address{});
        out_.push_back(static_cast<char>(address.family));
        out_.append(address.bytes.begin(), address.bytes.end());
    }
    template <typename Number>
    void add(const std::optional<Number>& number)
    {
        out_.push_back(number ? 'n' : '-');
        if constexpr (requires { number->value; }) { // an id
            append(number ? static_cast<std::uint64_t>(number->value) : 0);
        } else {
            append(number ? static_cast<std::uint64_t>(*number) : 0);
        }
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

namespace {

template <auto field>
void tell(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    text.add(row.*field);
}

/// Saved rows may have only the user's name. Rows of a sample have only the uid at this point, because names are looked
/// up after grouping.
void tell_user(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    text.add(row.user);
    text.add(row.user ? std::nullopt : row.uid);
}

void tell_name(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    text.add(row.kind);
    text.add(row.process);
}

/// Identifies a process by pid and start time, because the kernel reuses pids. A socket whose process we cannot see,
/// because it is another user's, is grouped by user.
void tell_process(KeyText& text, const Row& row, const Origin& origin, const Key& self)
{
    text.add(row.host);
    tell_name(text, row, origin, self);
    if (row.pid && row.start_time) {
        text.add(std::optional(origin.boot_id));
        text.add(row.pid);
        text.add(std::optional(row.start_time->ticks));
    } else if (row.kind != RowKind::cause || row.process == cause_name(Cause::other_user)) {
        tell_user(text, row, origin, self);
    }
}

void tell_netns(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    text.add(row.host);
    text.add(row.netns_name);
    text.add(row.netns_name ? std::nullopt : row.netns);
}

void tell_interface(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    text.add(row.host);
    text.add(row.interface);
}

void tell_connection(KeyText& text, const Row& row, const Origin& origin, const Key& self)
{
    tell_process(text, row, origin, self);
    tell_netns(text, row, origin, self);
    text.add(row.protocol);
    text.add(row.local_address);
    text.add(row.local_port);
    text.add(row.remote_address);
    text.add(row.remote_port);
}

void tell_state(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    text.add(row.facts != nullptr ? row.facts->state : std::nullopt);
}

void tell_remote_name(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    text.add(row.remote != nullptr ? row.remote->name : std::nullopt);
}

/// Returns a fact about the look-ups of the row; null if it is not one of `dns`.
template <auto field>
auto fact_of_lookups(const Row& row)
{
    return row.lookups != nullptr ? (*row.lookups).*field : std::nullopt;
}

/// Names are the same in upper and lower case.
void tell_query(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    auto query = fact_of_lookups<&NameLookups::query>(row);
    if (query) {
        query = in_lower_case(*query);
    }
    text.add(query);
}

void tell_query_type(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    const auto type = fact_of_lookups<&NameLookups::query_type>(row);
    text.add(type ? std::optional(type->number) : std::nullopt);
}

void tell_resolver(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    text.add(fact_of_lookups<&NameLookups::resolver>(row));
}

void tell_outcome(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    const auto outcome = fact_of_lookups<&NameLookups::outcome>(row);
    text.add(outcome ? std::optional(to_string(*outcome)) : std::nullopt);
}

using IdentityText = std::optional<std::string> Identity::*;

/// Groups rows by `parts` of their identity. A row that has neither an owner nor any of these parts is grouped by its
/// cause. `is_in_none` means that the unknown owner certainly has none of these parts. Then the row is grouped with the
/// processes that have none.
void tell_identity(KeyText& text, const Row& row, std::initializer_list<IdentityText> parts, bool is_in_none)
{
    static const Identity unknown;
    const Identity& identity = row.identity ? *row.identity : unknown;
    const bool is_in_one =
        std::any_of(parts.begin(), parts.end(), [&](IdentityText field) { return (identity.*field).has_value(); });
    const bool is_apart = row.kind == RowKind::cause && !is_in_one && !is_in_none;
    text.add(is_apart ? std::optional<std::string_view>(row.process) : std::nullopt);
    for (const IdentityText field : parts) {
        text.add(identity.*field);
    }
}

/// Groups rows by a fact about the program of a process. The cgroup of a socket does not show this fact.
template <IdentityText field>
void tell_program(KeyText& text, const Row& row, const Origin& /*origin*/, const Key& /*self*/)
{
    tell_identity(text, row, {field}, false);
}

/// Groups rows by facts that follow from a socket's cgroup, even if its process is unknown. The facts are uncertain in
/// a saved row that may sum up sockets of several cgroups.
void tell_group(KeyText& text, const Row& row, const Origin& origin, const Key& self,
                std::initializer_list<IdentityText> parts)
{
    const bool is_of_one = origin.by == nullptr || origin.by->has(self.name) || origin.by->has("connection");
    tell_identity(text, row, parts, is_of_one && row.attribution == Quality::socket);
}

template <IdentityText field>
void tell_group_in(KeyText& text, const Row& row, const Origin& origin, const Key& self)
{
    tell_group(text, row, origin, self, {field});
}

/// Two containers may have the same name, so the id identifies the container if it is known.
void tell_container(KeyText& text, const Row& row, const Origin& origin, const Key& self)
{
    const bool has_id = row.identity != nullptr && row.identity->container_id;
    tell_group(text, row, origin, self, {has_id ? &Identity::container_id : &Identity::container});
}

/// Identifies a pod by its uid, because two pods may have the same name. Saved rows have no uid, so `report` uses the
/// namespace and the name.
void tell_pod(KeyText& text, const Row& row, const Origin& origin, const Key& self)
{
    if (row.identity != nullptr && row.identity->pod_uid) {
        tell_group(text, row, origin, self, {&Identity::pod_uid});
    } else {
        tell_group(text, row, origin, self, {&Identity::pod_namespace, &Identity::pod});
    }
}

constexpr unsigned of_owner = Key::of_owner;
constexpr unsigned of_sockets = Key::of_sockets;
constexpr unsigned of_host = Key::of_host;
constexpr unsigned gathers = Key::gathers;

constexpr std::array key_table = {
    Key{.name = "process",
        .plural = "processes",
        .columns = "process",
        .defaults = "pid,process,rx_bytes,tx_bytes,connections,user",
        .labels = "process,user,unit,container",
        .requirement = Requirement::processes,
        .traits = of_host,
        .tell = tell_process,
        .beside = "pid",
        .settles = "pid,user,uid,ppid,exe,command,cgroup,unit,container,container_id,image,pod,namespace",
        .also = "pid,proc,program,app"},
    Key{.name = "connection",
        .plural = "connections",
        .columns = "protocol,local_address,local_port,remote_address,remote_port",
        .defaults = "pid,process,protocol,local_address,local_port,remote_address,remote_port,rx_bytes,tx_bytes",
        .labels = "process,user,unit,container,protocol",
        .requirement = Requirement::peers,
        .traits = of_sockets | of_host,
        .tell = tell_connection,
        .beside = "pid,process",
        .also = "socket,flow,tuple"},
    Key{.name = "name",
        .plural = "names",
        .columns = "process",
        .defaults = "process,rx_bytes,tx_bytes,connections",
        .labels = "process",
        .requirement = Requirement::processes,
        .traits = of_owner,
        .tell = tell_name,
        .also = "comm"},
    Key{.name = "exe",
        .plural = "exes",
        .columns = "exe",
        .defaults = "exe,process,rx_bytes,tx_bytes,connections",
        .labels = "exe,process",
        .requirement = Requirement::exe,
        .traits = gathers,
        .tell = tell_program<&Identity::exe>,
        .also = "executable,binary,path"},
    Key{.name = "command",
        .plural = "commands",
        .columns = "command",
        .defaults = "command,process,rx_bytes,tx_bytes,connections",
        .labels = "command,process",
        .requirement = Requirement::command,
        .traits = gathers,
        .tell = tell_program<&Identity::command>,
        .also = "cmd,cmdline,args"},
    Key{.name = "user",
        .plural = "users",
        .columns = "user",
        .defaults = "user,rx_bytes,tx_bytes,connections",
        .labels = "user",
        .requirement = Requirement::processes,
        .traits = of_owner,
        .tell = tell_user,
        .settles = "uid",
        .also = "uid"},
    Key{.name = "remote",
        .plural = "remotes",
        .columns = "remote_address",
        .defaults = "remote_address,rx_bytes,tx_bytes,connections",
        .labels = "remote_address",
        .requirement = Requirement::peers,
        .traits = of_sockets,
        .tell = tell<&Row::remote_address>,
        .also = "host,ip,address,peer,dst,destination"},
    Key{.name = "remote_name",
        .plural = "remote_names",
        .columns = "remote_name",
        .defaults = "remote_name,rx_bytes,tx_bytes,connections",
        .labels = "remote_name",
        .requirement = Requirement::names,
        .traits = of_sockets,
        .tell = tell_remote_name,
        .also = "hostname,dns"},
    Key{.name = "port",
        .plural = "ports",
        .columns = "port",
        .defaults = "port,rx_bytes,tx_bytes,connections",
        .labels = "port",
        .requirement = Requirement::peers,
        .traits = of_sockets,
        .tell = tell<&Row::port>},
    Key{.name = "protocol",
        .plural = "protocols",
        .columns = "protocol",
        .defaults = "protocol,rx_bytes,tx_bytes,connections",
        .labels = "protocol",
        .requirement = Requirement::tuples,
        .traits = of_sockets,
        .tell = tell<&Row::protocol>},
    Key{.name = "state",
        .plural = "states",
        .columns = "state",
        .defaults = "state,rx_bytes,tx_bytes,connections",
        .labels = "state",
        .requirement = Requirement::state,
        .traits = of_sockets,
        .tell = tell_state},
    Key{.name = "cgroup",
        .plural = "cgroups",
        .columns = "cgroup",
        .defaults = "cgroup,process,rx_bytes,tx_bytes,connections",
        .labels = "cgroup,process",
        .requirement = Requirement::cgroup,
        .traits = gathers,
        .tell = tell_group_in<&Identity::cgroup>,
        .settles = "unit,container,container_id,image,pod,namespace"},
    Key{.name = "unit",
        .plural = "units",
        .columns = "unit",
        .defaults = "unit,process,rx_bytes,tx_bytes,connections",
        .labels = "unit,process",
        .requirement = Requirement::cgroup,
        .traits = gathers,
        .tell = tell_group_in<&Identity::unit>,
        .also = "service"},
    Key{.name = "container",
        .plural = "containers",
        .columns = "container",
        .defaults = "container,process,rx_bytes,tx_bytes,connections",
        .labels = "container,process",
        .requirement = Requirement::containers,
        .traits = gathers,
        .tell = tell_container,
        .settles = "container_id",
        .also = "docker"},
    Key{.name = "pod",
        .plural = "pods",
        .columns = "pod",
        .defaults = "namespace,pod,process,rx_bytes,tx_bytes,connections",
        .labels = "namespace,pod,process",
        .requirement = Requirement::containers,
        .traits = gathers,
        .tell = tell_pod,
        .beside = "namespace",
        .settles = "namespace"},
    Key{.name = "netns",
        .plural = "netns",
        .columns = "netns",
        .defaults = "netns,rx_bytes,tx_bytes,connections",
        .labels = "netns",
        .requirement = Requirement::netns,
        .traits = of_sockets | of_host,
        .tell = tell_netns,
        .also = "namespace,ns"},
    Key{.name = "interface",
        .plural = "interfaces",
        .columns = "interface",
        .defaults = "interface,outbound,rx_bytes,tx_bytes,rx_packets,tx_packets",
        .labels = "interface",
        .requirement = Requirement::interfaces,
        .traits = of_sockets | of_host,
        .tell = tell_interface,
        .also = "iface,nic,device,dev"},
    Key{.name = "query",
        .plural = "lookups",
        .columns = "query",
        .defaults = "query,lookups",
        .labels = "query",
        .requirement = Requirement::lookups,
        .traits = of_sockets,
        .tell = tell_query,
        .also = "domain,qname"},
    Key{.name = "query_type",
        .plural = "lookups",
        .columns = "query_type",
        .defaults = "query_type,lookups",
        .labels = "query_type",
        .requirement = Requirement::lookups,
        .traits = of_sockets,
        .tell = tell_query_type,
        .also = "type,qtype"},
    Key{.name = "resolver",
        .plural = "lookups",
        .columns = "resolver",
        .defaults = "resolver,lookups",
        .labels = "resolver",
        .requirement = Requirement::lookups,
        .traits = of_sockets,
        .tell = tell_resolver,
        .also = "server,nameserver"},
    Key{.name = "outcome",
        .plural = "lookups",
        .columns = "outcome",
        .defaults = "outcome,lookups",
        .labels = "outcome",
        .requirement = Requirement::lookups,
        .traits = of_sockets,
        .tell = tell_outcome,
        .also = "rcode,status"},
};

/// Grouping gives each socket a row of its own, even if several have the same tuple (SO_REUSEPORT).
constexpr Key socket_key{.name = "socket",
                         .plural = "sockets",
                         .columns = "protocol,local_address,local_port,remote_address,remote_port",
                         .defaults = "protocol,local_address,local_port,state,pid,process,user,container,published",
                         .labels = "process,user,unit,container,protocol,local_port,state",
                         .requirement = Requirement::peers,
                         .traits = of_sockets | of_host,
                         .tell = tell_connection};

const Key& require_key(std::string_view name)
{
    const auto* found =
        std::find_if(key_table.begin(), key_table.end(), [name](const Key& key) { return key.name == name; });
    if (found != key_table.end()) {
        return *found;
    }
    const auto* meant = std::find_if(key_table.begin(), key_table.end(), [name](const Key& key) {
        const auto words = split(key.also, ',');
        return !name.empty() && std::find(words.begin(), words.end(), name) != words.end();
    });
    if (meant != key_table.end()) {
        throw std::invalid_argument(fmt::format("unknown --by key {}: did you mean {:?}?", quote(name), meant->name));
    }
    std::vector<std::string_view> valid; // only dns takes the others
    for (const Key& key : key_table) {
        if (key.requirement != Requirement::lookups) {
            valid.push_back(key.name);
        }
    }
    throw std::invalid_argument(fmt::format("unknown --by key {}: {}", quote(name), suggest(name, valid)));
}

} // namespace

std::span<const Key> keys() { return key_table; }

GroupBy::GroupBy(std::string_view names)
{
    for (const std::string_view name : split(names, ',')) {
        const Key& key = require_key(name);
        if (!has(key.name)) {
            keys_.push_back(&key);
        }
    }
    if (is_by_interface() && keys_.size() > 1) {
        throw std::invalid_argument(
            "--by interface cannot be combined with other keys: for the processes of one interface, use --by process "
            "--interface eth0");
    }
}

GroupBy GroupBy::sockets()
{
    GroupBy by;
    by.keys_ = {&socket_key};
    return by.listed();
}

GroupBy GroupBy::listed() const
{
    GroupBy by = *this;
    by.subject_ = Subject::sockets;
    return by;
}

GroupBy GroupBy::of_lookups() const
{
    GroupBy by = *this;
    by.subject_ = Subject::lookups;
    return by;
}

std::string GroupBy::name() const
{
    std::string names;
    for (const Key* key : keys_) {
        names.append(names.empty() ? "" : ",").append(key->name);
    }
    return names;
}

std::string_view GroupBy::array() const
{
    return counts_lookups() ? "lookups" : keys_.size() == 1 ? keys_.front()->plural : "rows";
}

bool GroupBy::has(std::string_view key) const
{
    return std::any_of(keys_.begin(), keys_.end(), [key](const Key* each) { return each->name == key; });
}

bool GroupBy::requires_any(Requirement requirement) const
{
    return std::any_of(keys_.begin(), keys_.end(),
                       [requirement](const Key* key) { return key->requirement == requirement; });
}

bool GroupBy::is_by_owner() const
{
    return std::all_of(keys_.begin(), keys_.end(), [](const Key* key) { return !key->is(Key::of_sockets); });
}

bool GroupBy::is_by_host() const
{
    return std::any_of(keys_.begin(), keys_.end(), [](const Key* key) { return key->is(Key::of_host); });
}

bool GroupBy::gathers_processes() const
{
    const bool names_process = has("process") || has("connection") || has("name");
    return !names_process &&
           std::any_of(keys_.begin(), keys_.end(), [](const Key* key) { return key->is(Key::gathers); });
}

/// Saved rows that sum up the rows past --top form one group, whatever the keys are.
void GroupBy::write_key(std::string& key, const Row& row, const Origin& origin) const
{
    KeyText text(key);
    if (row.is_other()) {
        text.add(std::optional<std::string_view>("other"));
        return;
    }
    for (const Key* each : keys_) {
        each->tell(text, row, origin, *each);
    }
}

} // namespace socktally
