// SPDX-License-Identifier: MIT
// From flows to rows: filter, group, sum. Pure functions; a flow must be attributed first.
#pragma once

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
    std::vector<std::string> units;       // also without ".service"
    std::vector<std::string> containers;  // by name, or by 12 or more digits of the id
    std::vector<Inode> namespaces;        // network namespaces, of the socket
    bool loopback = true;                 // false leaves out flows between two ends of this machine
    std::vector<Address> local_addresses; // this machine's own, for loopback == false

    bool matches(const Flow& flow, const Sample& sample) const;
};

/// The flows of `sample` that match and may have traffic (all that match with `idle`), grouped. Unsorted.
std::vector<Row> group(const Sample& sample, const Filter& filter, GroupBy by, bool idle);

/// Sums over the flows that match.
Totals total(const Sample& sample, const Filter& filter);

/// Keeps the first `count` rows and sums the others into one more row, of RowKind::other. Nothing to sum: no such row.
void keep_top(std::vector<Row>& rows, std::size_t count);

} // namespace socktally
