// SPDX-License-Identifier: MIT
// The flows and processes of a sample with a window, out of the cells and flows that the BPF programs counted.
#pragma once

#include "linux/fd.hpp"
#include "model/sample.hpp"
#include "traffic/ebpf/tally.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace socktally {

/// Cells first, then the flows that used them, then the rest.
class TallyFlows {
public:
    TallyFlows(Sample& sample, Tally::Detail detail);

    void add(std::uint32_t index, const tally_cell& cell);
    void add(const tally_flow_key& key, const tally_flow& flow);
    /// What no flow has taken: everything in a sample of processes, what found no room in one of sockets.
    void add_the_rest();

    /// Processes that have no pid in our namespace.
    std::size_t foreign_processes() const { return foreign_processes_; }
    /// More processes moved bytes than there are cells.
    bool has_overflowed() const { return cells_.contains(TALLY_OVERFLOW_CELL); }

private:
    struct Left {
        Attribution attribution;
        std::uint64_t rx_bytes;
        std::uint64_t tx_bytes;
        std::uint32_t sockets;
    };

    std::uint32_t add_process(const tally_cell& cell);
    Flow& append(const Attribution& attribution, std::uint64_t rx_bytes, std::uint64_t tx_bytes);

    Sample& sample_;
    Tally::Detail detail_;
    Fd proc_;
    std::unordered_map<std::uint32_t, Left> cells_;
    std::size_t foreign_processes_ = 0;
};

} // namespace socktally
