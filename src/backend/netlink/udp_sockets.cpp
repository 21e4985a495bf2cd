// SPDX-License-Identifier: MIT
#include "backend/netlink/udp_sockets.hpp"

namespace socktally {

void UdpSockets::add(const DiagSocket& socket)
{
    if (!known_.insert(socket.cookie.value).second) {
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
    flow.interface = socket.interface;
}

void UdpSockets::move_to(std::vector<Flow>& flows, bool silent)
{
    for (Flow& flow : flows_) {
        if (silent) {
            flow.rx_bytes = 0;
            flow.tx_bytes = 0;
        }
        flows.push_back(flow);
    }
    flows_.clear();
}

} // namespace socktally
