// SPDX-License-Identifier: MIT
#include "traffic/netlink/udp_sockets.hpp"

namespace socktally {

void UdpSockets::add(const DiagSocket& socket)
{
    if (!shown_.insert_or_assign(socket.cookie.value, dump_).second) {
        return;
    }
    Flow& flow = flows_.emplace_back();
    flow.tuple = socket.tuple;
    if (socket.tuple.remote.port == 0) {
        flow.tuple.remote = {};
    }
    flow.cookie = socket.cookie;
    flow.inode = socket.inode;
    flow.uid = socket.uid;
    flow.cgroup_id = socket.cgroup_id;
    flow.interface = socket.interface;
}

void UdpSockets::add_to(std::vector<Flow>& flows, bool silent) const
{
    for (const Flow& known : flows_) {
        Flow& flow = flows.emplace_back(known);
        if (silent) {
            flow.rx_bytes = 0;
            flow.tx_bytes = 0;
        }
    }
}

void UdpSockets::next_window()
{
    std::erase_if(shown_, [this](const auto& entry) { return entry.second != dump_; });
    std::erase_if(flows_, [this](const Flow& flow) { return !shown_.contains(flow.cookie.value); });
}

} // namespace socktally
