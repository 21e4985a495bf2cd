// SPDX-License-Identifier: MIT
#include "traffic/ebpf/tally_flows.hpp"

#include "owners/bpf_process.hpp"
#include "owners/fd_table.hpp"
#include "traffic/ebpf/flow_tuple.hpp"

#include <fcntl.h>

#include <algorithm>

namespace socktally {

TallyFlows::TallyFlows(Sample& sample, Tally::Detail detail)
    : sample_(sample), detail_(detail), proc_(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC))
{
}

void TallyFlows::add(std::uint32_t index, const tally_cell& cell)
{
    if (cell.rx_bytes == 0 && cell.tx_bytes == 0) {
        return;
    }
    Attribution attribution{std::nullopt, Cause::unknown, Quality::unknown};
    if (index == TALLY_KERNEL_CELL) {
        attribution.cause = Cause::kernel;
    } else if (index >= TALLY_FIRST_CELL && cell.tgid != 0) {
        attribution = {add_process(cell), Cause::none, Quality::exact};
    } else if (index >= TALLY_FIRST_CELL) {
        ++foreign_processes_;
    }
    cells_.emplace(index, Left{attribution, cell.rx_bytes, cell.tx_bytes, cell.sockets});
}

std::uint32_t TallyFlows::add_process(const tally_cell& cell)
{
    Process& process = sample_.processes.emplace_back(
        process_of(static_cast<std::int32_t>(cell.tgid), cell.start_ns, cell.uid, cell.name));
    process.cgroup_id = cell.cgroup_id;
    process.netns = Inode{cell.netns};
    process.stack_start = cell.stack_start;
    if (const auto now = look_again(proc_.get(), process)) { // it may have become another program since its first byte
        update(process, *now);
    }
    return static_cast<std::uint32_t>(sample_.processes.size() - 1);
}

void TallyFlows::add(const tally_flow_key& key, const tally_flow& flow)
{
    const auto cell = cells_.find(key.cell);
    if (cell == cells_.end()) {
        return;
    }
    Flow& result = append(cell->second.attribution, flow.rx_bytes, flow.tx_bytes);
    result.tuple = tuple_of(flow);
    result.cookie = Cookie{key.cookie};
    result.uid = Uid{flow.uid};
    result.netns = Inode{flow.netns};
    result.interface = flow.interface;
    result.accepted = flow.accepted != 0;
    cell->second.rx_bytes -= std::min(cell->second.rx_bytes, flow.rx_bytes);
    cell->second.tx_bytes -= std::min(cell->second.tx_bytes, flow.tx_bytes);
}

void TallyFlows::add_the_rest()
{
    for (const auto& [index, left] : cells_) {
        if (left.rx_bytes != 0 || left.tx_bytes != 0) {
            Flow& rest = append(left.attribution, left.rx_bytes, left.tx_bytes);
            rest.sockets = detail_ == Tally::Detail::processes ? std::max(left.sockets, 1U) : 1;
        }
    }
}

Flow& TallyFlows::append(const Attribution& attribution, std::uint64_t rx_bytes, std::uint64_t tx_bytes)
{
    Flow& flow = sample_.flows.emplace_back();
    flow.attribution = attribution;
    flow.rx_bytes = rx_bytes;
    flow.tx_bytes = tx_bytes;
    if (attribution.process) {
        flow.uid = sample_.processes[*attribution.process].uid;
    }
    return flow;
}

} // namespace socktally
