// SPDX-License-Identifier: MIT
#include "traffic/packet/flow_sums.hpp"

#include "util/sum.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace socktally {

namespace {

/// Returns the cgroup that all sockets that may have received the datagrams have in common; 0 if there is none.
std::uint64_t common_cgroup(const std::vector<Flow>& takers)
{
    const bool differ = std::any_of(takers.begin(), takers.end(),
                                    [&](const Flow& taker) { return taker.cgroup_id != takers.front().cgroup_id; });
    return takers.empty() || differ ? 0 : takers.front().cgroup_id;
}

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
    if (flow.match == Quality::unknown) {
        flow.cgroup_id = common_cgroup(counted.takers);
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
