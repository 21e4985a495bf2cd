// SPDX-License-Identifier: MIT
// Selects flows of a sample, or rows of a report. Pure; a flow must be attributed, and its owner identified, first. A
// flow that a filter cannot judge passes neither the filter nor its opposite.
#pragma once

#include "model/sample.hpp"
#include "table/flow_subject.hpp"
#include "table/judgement.hpp"
#include "table/subject.hpp"
#include "util/sum.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

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

/// `excluded` is true for the value of --exclude.
constexpr std::uint32_t option_bit(FilterKind kind, bool excluded)
{
    return 1U << (static_cast<unsigned>(kind) + (excluded ? 16U : 0U));
}

struct Judged {
    Judgement judgement = Judgement::in;
    std::uint32_t unsure = 0; // a bit for each option that could not judge (option_bit()); 0 if it is judged
};

/// Values of one list are alternatives (any matches). All lists that are not empty must match, and no excluded value
/// may match.
struct Filter : Criteria {
    Criteria excluded;
    bool loopback = true; // false leaves out flows between two ends of this machine
    Machine machine;      // for loopback == false and for interfaces

    bool is_empty() const;
    /// Returns whether it asks for something that is known of single sockets, but not of the sum of a process.
    bool asks_sockets() const { return asks_peers() || asks(&Criteria::protocols, &Criteria::namespaces); }
    /// Returns whether it asks for the other ends of sockets, or for something that depends on them.
    bool asks_peers() const { return !loopback || asks(&Criteria::ports, &Criteria::remotes, &Criteria::interfaces); }
    /// Returns whether one of these lists has values, among the criteria or among the excluded ones.
    template <typename... Lists>
    bool asks(Lists... lists) const
    {
        return (... || (!(this->*lists).empty() || !(excluded.*lists).empty()));
    }
    Judged judge(const Subject& subject) const;
    Judged judge(const Flow& flow, const Sample& sample) const;
    bool matches(const Flow& flow, const Sample& sample) const
    {
        return judge(flow, sample).judgement == Judgement::in;
    }
};

bool is_unit_called(std::string_view unit, std::string_view name);
/// Returns whether `name` is the beginning of this container id, and long enough to be meant as one.
bool begins_id(std::string_view id, std::string_view name);

/// Sums up what filters could not judge, for the note about it.
class Unjudged {
public:
    /// `noun` is what is counted: "socket" or "row".
    explicit Unjudged(std::string_view noun) : noun_(noun) {}

    void add(const Judged& judged, std::uint64_t count, std::optional<std::uint64_t> sockets,
             const std::optional<std::uint64_t>& rx_bytes, const std::optional<std::uint64_t>& tx_bytes);
    bool empty() const { return count_ == 0; }
    Note note(std::string_view remedy) const;

private:
    std::string_view noun_;
    std::uint64_t count_ = 0;
    std::uint32_t unsure_ = 0;
    std::optional<std::uint64_t> sockets_ = 0;
    KnownSum rx_;
    KnownSum tx_;
};

} // namespace socktally
