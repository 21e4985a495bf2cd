// SPDX-License-Identifier: MIT
#include "traffic/netlink/closed_flows.hpp"

namespace socktally {

bool ClosedFlows::add(const Flow& flow, Inode netns, const HolderMap& holders)
{
    const std::vector<std::uint32_t> owners = holders.holders_of(flow.inode);
    if (owners.size() > 1) {
        return false;
    }
    Key key;
    key.netns = netns;
    if (owners.size() == 1 && !holders.is_doubtful(flow)) {
        key.process = owners.front();
    } else {
        key.uid = flow.uid;
        key.cgroup_id = flow.cgroup_id;
    }
    const auto [entry, is_new] = sums_.try_emplace(key);
    Flow& sum = entry->second;
    if (is_new) {
        sum.state = SocketState::closed;
        sum.uid = flow.uid;
        sum.cgroup_id = flow.cgroup_id;
        sum.netns = netns;
        sum.sockets = 0;
        if (key.process) {
            sum.attribution = {key.process, Cause::none, Quality::owner};
        }
    }
    sum.rx_bytes = sum.rx_bytes.value_or(0) + flow.rx_bytes.value_or(0);
    sum.tx_bytes = sum.tx_bytes.value_or(0) + flow.tx_bytes.value_or(0);
    sum.sockets += flow.may_have_traffic() ? 1 : 0;
    return true;
}

void ClosedFlows::move_to(std::vector<Flow>& flows)
{
    for (auto& [key, sum] : sums_) {
        flows.push_back(sum);
    }
    sums_.clear();
}

} // namespace socktally
