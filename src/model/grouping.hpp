// SPDX-License-Identifier: MIT
// From flows to rows: filter, group, sum. Pure functions; a flow must be attributed first.
#pragma once

#include "model/interfaces.hpp"
#include "model/row.hpp"
#include "model/sample.hpp"

#include <string>
#include <vector>

namespace socktally {

/// Values of one list are alternatives (any matches); lists that are not empty must all match.
struct Filter {
    std::vector<Pid> pids;
    std::vector<std::string> names;      // whole process names; also "[exited]" and its like
    std::vector<std::string> substrings; // of the process name
    std::vector<Uid> uids;               // the owner's; for a flow without owner, the socket's
    std::vector<std::uint16_t> ports;    // local or remote
    std::vector<Prefix> remotes;
    std::vector<Protocol> protocols;
    bool loopback = true;                  // false leaves out flows between two ends of this machine
    std::vector<std::uint32_t> interfaces; // indices of those that a flow may pass (see interface_of)
    std::vector<Interface> machine;        // this machine's own, for loopback == false and for interfaces
    Inode netns;                           // the namespace that they are in

    bool matches(const Flow& flow, const Sample& sample) const;
    /// True where the flow is left out only because it cannot be told which interface it passes.
    bool misses_interface(const Flow& flow, const Sample& sample) const;

private:
    bool matches_all_but_interface(const Flow& flow, const Sample& sample) const;
    bool is_elsewhere(const Flow& flow) const;
};

/// Sockets that Filter::misses_interface.
Note unknown_interface_note(std::size_t sockets);

/// The flows of `sample` that match and may have traffic (all that match with `idle`), grouped. Unsorted.
std::vector<Row> group(const Sample& sample, const Filter& filter, GroupBy by, bool idle);

/// Sums over the flows that match.
Totals total(const Sample& sample, const Filter& filter);

/// The rows and totals by interface, which have nothing to do with flows: what drivers count has no owner.
std::vector<Row> rows_of(const std::vector<InterfaceTraffic>& interfaces, bool idle);
Totals total(const std::vector<InterfaceTraffic>& interfaces);

/// Keeps the first `count` rows and sums the others into one more row, of RowKind::other. Nothing to sum: no such row.
void keep_top(std::vector<Row>& rows, std::size_t count);

} // namespace socktally
