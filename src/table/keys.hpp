// SPDX-License-Identifier: MIT
// The one table of the keys of --by. Rows may be by several keys at a time: what follows from that is here too.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct Row;

/// Work for a backend, or facts to read about processes, for a column, a key or a filter. Anything that costs more than
/// counting is done only if something asks for it by name.
enum class Requirement : std::uint8_t {
    processes,
    tuples,     // a flow for each socket; means something only if the rows are not by owner
    peers,      // the same, and the other end of each datagram
    packets,    // packets counted as well as payload; on request
    interfaces, // nothing; has a value only in rows by interface
    reports,    // nothing; what rows of one sample have in common
    sums,       // nothing; what follows from other columns, on request
    sharers,    // a flow for each socket, and who else owns it; on request
    // Facts to read about processes (IdentityNeeds); on request.
    command,
    exe,
    parent,
    cgroup,
    containers,
    ports,   // and a flow for each socket
    trees,   // which processes descend from which
    sockets, // nothing; has a value only in rows of `ports`
    // A flow for each socket, and Flow::facts; on request.
    state, // which `ports` has for nothing
    tcp_info,
    netns, // and a flow for each socket, since it is the socket's
};

class GroupBy;
class KeyText;

/// A bit for each column, in the order of the table of columns.
using ColumnSet = std::bitset<64>;

/// The source of a row, as far as it decides which rows it is added to.
struct Origin {
    const GroupBy* by = nullptr;   // what a saved row is a row of; null: the row is of one flow of a sample
    std::string_view boot_id = {}; // of the saved row, like what follows
    ColumnSet saved = {};          // the columns that it has
    ColumnSet told = {};           // those that have a value, or in which null means that there is none
};

struct Key {
    enum Trait : std::uint8_t {
        of_owner = 0,   // rows are of processes or sets of them, so sockets of one process are in one row
        of_sockets = 1, // rows are told apart by what single sockets have
        of_host = 2,    // a row is of one machine, also if rows of several machines are added up
        gathers = 4,    // a row may be of several processes, and traffic without an owner has rows of its own
    };

    std::string_view name;     // as typed after --by: "process"
    std::string_view plural;   // the name of the array of rows in JSON: "processes"
    std::string_view columns;  // what rows are told apart by
    std::string_view defaults; // the columns that are printed by default
    std::string_view labels;   // the same of a format of time series; none can have values without end but by this key
    Requirement requirement;
    unsigned traits;
    /// Adds to `text` the values that distinguish rows by this key.
    void (*tell)(KeyText& text, const Row& row, const Origin& origin, const Key& self);
    std::string_view beside = {};  // columns before those of the key, if there are several keys
    std::string_view settles = {}; // other columns in which all sockets of a row agree
    std::string_view also = {};    // what people type for it: the error names the key

    bool is(Trait trait) const { return (traits & trait) != 0; }
};

std::span<const Key> keys(); // in the order of the manual

/// The keys that distinguish rows, in the given order.
class GroupBy {
public:
    GroupBy() : GroupBy("process") {}
    /// `names` as given to --by: "process,remote". Throws std::invalid_argument with a one-line message.
    explicit GroupBy(std::string_view names);
    /// One row a socket, as `ports` prints them. --by has no name for it: what a sample counts is of connections.
    static GroupBy sockets();

    std::span<const Key* const> keys() const { return keys_; }
    std::string name() const;       // "process,remote"
    std::string_view array() const; // of the rows in JSON: "processes"; "rows" if there are several keys
    bool has(std::string_view key) const;
    bool requires_any(Requirement requirement) const;
    bool is_by_interface() const { return has("interface"); }
    bool is_by_socket() const { return has("socket"); }
    /// Returns whether no key depends on single sockets.
    bool is_by_owner() const;
    bool is_by_host() const;
    /// Returns whether rows may be of several processes, although traffic without an owner has rows of its own.
    bool gathers_processes() const;

    /// Writes the values that distinguish the group of a row.
    void write_key(std::string& key, const Row& row, const Origin& origin) const;

    bool operator==(const GroupBy&) const = default;

private:
    std::vector<const Key*> keys_;
};

} // namespace socktally
