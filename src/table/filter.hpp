// SPDX-License-Identifier: MIT
// Selects rows: those of flows of a sample, whose owners are identified, or saved ones. Pure. A row that a filter
// cannot judge passes neither the filter nor its opposite.
#pragma once

#include "model/interfaces.hpp"
#include "table/row.hpp"
#include "util/sum.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// The three answers of a filter. They are ordered, so that "and" is the least of several and "or" the greatest.
enum class Judgement : std::uint8_t { out, unknown, in };

/// This machine's own interfaces, and the network namespace that they are in.
struct Machine {
    std::vector<Interface> interfaces;
    Inode netns;
};

/// A name that the user gave. `id` is its meaning on this machine; null if that does not matter, as in a report.
template <typename Id>
struct Named {
    std::string name;
    std::optional<Id> id = std::nullopt;
    auto operator<=>(const Named&) const = default;
};

/// The values of each kind of filter.
struct Criteria {
    std::vector<Pid> pids;
    std::vector<std::string> names;      // whole process names; also "[exited]" and similar
    std::vector<std::string> substrings; // of the process name
    std::vector<Named<Uid>> users;       // the owner's; for a flow without owner, the socket's
    std::vector<std::uint16_t> ports;    // local or remote
    std::vector<Prefix> remotes;
    std::vector<Protocol> protocols;
    std::vector<std::string> containers;          // by name, or by 12 or more digits of the id
    std::vector<std::string> pods;                // by name, or by uid
    std::vector<std::string> units;               // also without ".service"
    std::vector<Named<Inode>> namespaces;         // network namespaces, of the socket
    std::vector<Named<std::uint32_t>> interfaces; // by index (see interface_of)

    bool operator==(const Criteria&) const = default;
};

/// One option for each kind, in the order of the help text.
enum class FilterKind : std::uint8_t {
    pid,
    name,
    filter,
    user,
    port,
    remote,
    protocol,
    container,
    pod,
    unit,
    netns,
    interface,
    no_loopback,
};
std::string_view to_string(FilterKind kind); // "no-loopback"

struct Judged {
    Judgement judgement = Judgement::in;
    // A bit for each kind that could not judge, 16 higher for --exclude; 0 if the row is judged.
    std::uint32_t unsure = 0;
};

/// Values of one list are alternatives (any matches). All lists that are not empty must match, and no excluded value
/// may match.
struct Filter : Criteria {
    Criteria excluded;
    bool loopback = true; // false leaves out flows between two ends of this machine
    Machine machine;      // for loopback == false and for interfaces

    bool is_empty() const { return kinds() == 0; }
    bool asks(FilterKind kind) const { return (kinds() >> static_cast<unsigned>(kind) & 1U) != 0; }
    /// Returns whether a kind that is asked for has this requirement.
    bool requires_any(Requirement requirement) const;
    Judged judge(const Row& row) const;

private:
    std::uint32_t kinds() const; // a bit for each
};

/// Returns whether `name` is the beginning of this container id, and long enough to be meant as one.
bool begins_id(std::string_view id, std::string_view name);

/// Sums up what filters could not judge, for the note about it.
class Unjudged {
public:
    /// `saved` are the columns that the row has; of a flow all.
    void add(const Judged& judged, const Row& row, std::uint64_t count, const ColumnSet& saved);
    bool empty() const { return count_ == 0; }
    /// `noun` is what is counted: "socket" or "row". The remedy is to save the columns that were not.
    Note note(std::string_view noun) const;

private:
    std::uint64_t count_ = 0;
    std::uint32_t unsure_ = 0;
    ColumnSet lacking_;
    std::optional<std::uint64_t> sockets_ = 0;
    KnownSum rx_;
    KnownSum tx_;
};

/// The remedy if these columns would have to be saved; empty if there are none.
std::string saving_remedy(const ColumnSet& columns);

} // namespace socktally
