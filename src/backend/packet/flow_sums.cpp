// SPDX-License-Identifier: MIT
#include "backend/packet/flow_sums.hpp"

#include "model/sum.hpp"

#include <utility>

namespace socktally {

namespace {

Flow flow_of(const PacketFlow& counted)
{
    Flow flow = counted.found;
    flow.tuple = counted.found.tuple.remote.port != 0 ? counted.socket_tuple() : counted.tuple;
    flow.interface = counted.interface;
    flow.rx_bytes = counted.rx.payload_bytes;
    flow.tx_bytes = counted.tx.payload_bytes;
    flow.packets = {counted.rx.packets, counted.tx.packets, counted.rx.ip_bytes, counted.tx.ip_bytes};
    const bool was_accepted = counted.is_over && flow.inode == Inode{} && flow.state == SocketState::open;
    if (flow.match == Quality::unknown || was_accepted) { // no socket was found, or none that a process had by then
        flow.attribution.cause = Cause::unknown;
    }
    return flow;
}

} // namespace

void FlowSums::add(const PacketFlow& counted)
{
    const Flow flow = flow_of(counted);
    inodes_.insert(flow.inode);
    if (detail_ == Detail::sockets) {
        const Key key{flow.inode, flow.uid, flow.cgroup_id, flow.state, flow.match, flow.attribution.cause};
        const auto [entry, is_new] = sums_.try_emplace(key, flows_.size());
        if (!is_new) {
            Flow& total = flows_[entry->second];
            socktally::add(total.rx_bytes, flow.rx_bytes);
            socktally::add(total.tx_bytes, flow.tx_bytes);
            add_or_lose(total.packets, flow.packets);
            total.sockets += flow.inode == Inode{} ? 1 : 0;
            total.interface = total.interface == flow.interface ? flow.interface : 0;
            return;
        }
    }
    flows_.push_back(flow);
}

std::vector<Flow> FlowSums::take(const std::vector<Flow>& listed)
{
    for (const Flow& flow : listed) {
        if (!inodes_.contains(flow.inode)) {
            flows_.push_back(flow);
        }
    }
    sums_.clear();
    inodes_.clear();
    return std::exchange(flows_, {});
}

} // namespace socktally
