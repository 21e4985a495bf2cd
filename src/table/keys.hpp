// SPDX-License-Identifier: MIT
// The one table of the keys of --by, and what follows from rows being grouped by several keys.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct Row;

/// Work for a backend, or facts to read about processes, that a column, a key or a filter needs. Work that costs more
/// than counting is done only if something asks for it by name.
enum class Requirement : std::uint8_t {
    processes,
    tuples,     // a flow for each socket; useful only if rows are not by owner
    peers,      // `tuples`, and the remote end of each datagram
    packets,    // on request: counts of packets besides payload
    interfaces, // no work: only rows by interface have a value
    reports,    // no work: all rows of a sample have the same value
    sums,       // on request, no work: computed from other columns
    sharers,    // on request: a flow for each socket, and its other owners
    // On request: facts to read about processes (IdentityNeeds).
    command,
    exe,
    parent,
    cgroup,
    containers,
    ports,   // also a flow for each socket
    trees,   // the trees of processes
    sockets, // no work: only rows of `ports` have a value
    // A flow for each socket, and Flow::facts; on request.
    state, // which `ports` has for nothing
    tcp_info,
    netns, // also a flow for each socket, because it is the socket's
};

class GroupBy;
class KeyText;

/// A bit for each column, in the order of the table of columns.
using ColumnSet = std::bitset<64>;

/// Where a row comes from. This decides which group it is added to.
struct Origin {
    const GroupBy* by = nullptr; // the keys by which a saved row was grouped; null: the row is of one flow of a sample
    std::string_view boot_id = {}; // the boot in which the row was saved; this and the next two are of saved rows
    ColumnSet saved = {};          // the columns that the row has
    ColumnSet told = {};           // the columns that have a value, or in which null means that there is none
};

struct Key {
    enum Trait : std::uint8_t {
        of_owner = 0,   // a row is of one process or a set of them, so sockets of one process are in one row
        of_sockets = 1, // rows are separated by properties of single sockets
        of_host = 2,    // a row is of one machine, even if rows of several machines are added up
        gathers = 4,    // a row may be of several processes; traffic without an owner has rows of its own
    };

    std::string_view name;     // as typed after --by: "process"
    std::string_view plural;   // the name of the array of rows in JSON: "processes"
    std::string_view columns;  // the columns whose values separate rows
    std::string_view defaults; // the columns printed by default
    std::string_view labels;   // default labels of time series; only the key's own may have unlimited values
    Requirement requirement;
    unsigned traits;
    /// Adds the values that identify a row's group by this key to `text`.
    void (*tell)(KeyText& text, const Row& row, const Origin& origin, const Key& self);
    std::string_view beside = {};  // printed before the columns of this key if --by names several
    std::string_view settles = {}; // other columns in which all sockets of a row have the same value
    std::string_view also = {};    // other names that people may type; the error then suggests this key

    bool is(Trait trait) const { return (traits & trait) != 0; }
};

std::span<const Key> keys(); // in the order of the manual

/// The keys that rows are grouped by, in the given order.
class GroupBy {
public:
    GroupBy() : GroupBy("process") {}
    /// `names` as given to --by: "process,remote". Throws std::invalid_argument with a one-line message.
    explicit GroupBy(std::string_view names);
    /// One row for each socket, as `ports` prints them. --by has no name for it, because a sample counts connections.
    static GroupBy sockets();
    /// The same keys for listed sockets, which have no bytes.
    GroupBy listed() const;

    std::span<const Key* const> keys() const { return keys_; }
    std::string name() const;       // "process,remote"
    std::string_view array() const; // name of the array of rows in JSON: "processes"; "rows" if there are several keys
    bool has(std::string_view key) const;
    bool requires_any(Requirement requirement) const;
    bool is_by_interface() const { return has("interface"); }
    bool is_by_socket() const { return has("socket"); }
    bool is_of_list() const { return is_of_list_; }
    /// Returns whether no key separates rows by properties of single sockets.
    bool is_by_owner() const;
    bool is_by_host() const;
    /// Returns whether a row may be of several processes, while traffic without an owner has rows of its own.
    bool gathers_processes() const;

    /// Writes the values that identify the group of a row.
    void write_key(std::string& key, const Row& row, const Origin& origin) const;

    bool operator==(const GroupBy&) const = default;

private:
    std::vector<const Key*> keys_;
    bool is_of_list_ = false;
};

} // namespace socktally
