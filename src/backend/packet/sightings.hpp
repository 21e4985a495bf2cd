// SPDX-License-Identifier: MIT
// One byte, several sightings: which of them counts in a network namespace. Pure.
//
// 1. A TCP socket that a list shows with counters has moved what the counters gained. They are the socket's own,
//    whatever packets were made of its bytes, and under whatever addresses those passed (tcp_window.hpp).
// 2. Without counters (of UDP, and of connections that no list at the end shows) the packets of the socket's tuple
//    count. Both ends of the tuple name the socket, or for UDP its local port.
// 3. A packet that has an address of this namespace and whose tuple is no socket's is one of these:
//    a. Forwarded with other addresses or ports (masquerading, a published port). The namespace sees it twice, and at
//       one of the two under a tuple with neither end here. Both flows carry one stream: their TCP sequence numbers
//       agree, and of UDP one end and the bytes. (What is forwarded as it is has neither end here.) No process here
//       moved it, so it counts nowhere here; the ends count it, each in its own namespace. An unconnected UDP socket at
//       the port that was rewritten got nothing of it.
//    b. The outside of a tunnel in UDP (VXLAN and its like), which the kernel makes. The bytes inside count at the
//       sockets that moved them.
//    c. A socket's own, rewritten on its way. The tuple keeps one end of the socket's, so the socket is found by that
//       (SocketLookup::find_rewritten()), and the packets count as the socket's: rules 1 and 2 hold for it again. If
//       packets of the socket's own tuple were seen the same way, it is not the socket's.
//    d. Of a socket that came and went between two lists. It counts once, as unknown.
//    Rule a is asked first, for its signs are the surest.
// What the kernel tracks of connections (conntrack) is not read: it takes privileges, and says nothing of sockets.
#pragma once

#include "backend/packet/flow_table.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

namespace socktally {

struct SightingPlace {
    std::function<bool(const Address&)> is_local; // an address of this namespace
    std::function<bool(Inode)> is_held;           // by a process
    std::vector<std::uint16_t> tunnel_ports;      // at which the kernel takes the packets of tunnels
    bool sees_all = true;                         // packets of every interface
};

/// Marks the flows of rules 3a and 3b as nobody's. Counterparts are looked for among `all`, which is asked for if there
/// is a flow in question. Returns how many are taken for forwarded ones though their bytes differ.
std::uint64_t mark_nobodys(const std::vector<PacketFlow*>& flows, const std::function<std::vector<PacketFlow*>()>& all,
                           const SightingPlace& place);

/// Rule 3c: adds what was seen of a socket under a tuple that is not its own to the flow of the socket's own tuple,
/// where there is one, and returns the flows that have nothing of their own any more. A flow that cannot be the
/// socket's has no socket any more.
std::set<const PacketFlow*> join_rewritten(const std::vector<PacketFlow*>& flows, FlowTable& table);

} // namespace socktally
