// SPDX-License-Identifier: MIT
// The only table of the keys of --by, and GroupBy: the keys that rows are grouped by.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct Row;

/// A need of a column, a key or a filter: work for the backend, or facts to read about processes. Needs marked "on
/// request" cost extra. They are met only if an option names such a column, key or filter.
enum class Requirement : std::uint8_t {
    processes,
    tuples,     // one flow for each socket, not only for each process
    peers,      // like `tuples`, and one flow for each peer of a datagram socket
    names,      // like `peers`, and with --resolve the names of the remote addresses
    packets,    // on request: number of packets, and their IP bytes
    interfaces, // no work: only rows by interface have a value
    reports,    // no work: all rows of a sample have the same value
    sums,       // no work: computed from other columns; printed only if an option names the column
    sharers,    // on request: one flow for each socket, and the socket's other owners
    // On request: facts about processes (IdentityNeeds).
    command,
    exe,
    parent,
    cgroup,
    containers,
    ports,   // published ports of containers; the backend must also deliver one flow for each socket
    trees,   // the trees of --tree that a process belongs to
    sockets, // no work: only rows of `ports` have a value
    lookups, // no work: only rows of `dns` have a value
    // On request: one flow for each socket, with Flow::facts.
    state, // `ports` always has the state
    tcp_info,
    netns, // one flow for each socket, because sockets of one process may be in different namespaces
};

class GroupBy;
class KeyText;

/// A bit for each column, in the order of the table of columns.
using ColumnSet = std::bitset<96>;

/// Where a row comes from: a sample, or a saved snapshot. The row's group may depend on it.
struct Origin {
    const GroupBy* by = nullptr;   // keys by which a saved row was grouped; null for a row of a sample
    std::string_view boot_id = {}; // boot id of a saved row's machine; empty for a row of a sample
    ColumnSet saved = {};          // columns of a saved row; empty for a row of a sample
    ColumnSet told = {};           // columns of a saved row whose value is certain; null then means "none"
};

struct Key {
    enum Trait : std::uint8_t {
        of_owner = 0,   // all sockets of a process are in one row
        of_sockets = 1, // sockets of one process may be in different rows
        of_host = 2,    // rows of different machines stay separate
        gathers = 4,    // one row may have many processes; traffic without an owner may have rows by cause
    };

    std::string_view name;     // the word after --by: "process"
    std::string_view plural;   // name of the JSON array of rows: "processes"
    std::string_view columns;  // columns whose values distinguish the rows
    std::string_view defaults; // columns printed by default
    std::string_view labels; // default labels of a time series; those not in `columns` have a limited number of values
    Requirement requirement;
    unsigned traits;
    /// Adds to `text` the values by which this key groups the row.
    void (*tell)(KeyText& text, const Row& row, const Origin& origin, const Key& self);
    std::string_view beside = {};  // columns printed before `columns` if --by has several keys
    std::string_view settles = {}; // other columns in which all sockets of a row have the same value
    std::string_view also = {};    // words that users may type by mistake; the error message then suggests this key

    bool is(Trait trait) const { return (traits & trait) != 0; }
};

std::span<const Key> keys(); // all keys of --by, in the order of the manual

/// The keys that rows are grouped by, in the given order.
class GroupBy {
public:
    GroupBy() : GroupBy("process") {}
    /// Parses the value of --by, such as "process,remote". Throws std::invalid_argument with a one-line message.
    explicit GroupBy(std::string_view names);
    /// Returns the grouping of `ports`: one row for each socket. --by has no such key. Samples have --by connection
    /// instead.
    static GroupBy sockets();
    /// The same keys for listed sockets, which have no bytes.
    GroupBy listed() const;
    /// The same keys, but the rows count look-ups (`dns`), not traffic.
    GroupBy of_lookups() const;

    std::span<const Key* const> keys() const { return keys_; }
    std::string name() const; // "process,remote"
    /// Returns the name of the array of rows in JSON: "lookups", or "processes"; "rows" if there are several keys.
    std::string_view array() const;
    bool has(std::string_view key) const;
    bool requires_any(Requirement requirement) const;
    bool is_by_interface() const { return has("interface"); }
    bool is_by_socket() const { return has("socket"); }
    bool is_of_list() const { return subject_ == Subject::sockets; }
    bool counts_lookups() const { return subject_ == Subject::lookups; }
    /// Returns whether no key separates rows by properties of single sockets.
    bool is_by_owner() const;
    bool is_by_host() const;
    /// Returns whether a key gathers processes (Key::gathers), and no key names the process.
    bool gathers_processes() const;

    /// Replaces `key` by the values that identify the row's group.
    void write_key(std::string& key, const Row& row, const Origin& origin) const;

    bool operator==(const GroupBy&) const = default;

private:
    std::vector<const Key*> keys_;
    enum class Subject : std::uint8_t { traffic, sockets, lookups };
    Subject subject_ = Subject::traffic;
};

} // namespace socktally
