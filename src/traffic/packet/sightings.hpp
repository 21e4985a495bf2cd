// SPDX-License-Identifier: MIT
// Decides which packets count if a byte is seen several times in a network namespace. Pure.
//
// 1. If the list at the end of the window shows a TCP socket with counters, the socket has moved what its counters have
//    gained (delivered.hpp). It does not matter how the bytes were cut into packets, and which addresses the packets
//    had.
// 2. Without counters (UDP, and connections that are not in the list at the end), the packets with the socket's tuple
//    count. Both ends of the tuple identify the socket, or for UDP the local port.
// 3. A packet may have an address of this namespace, but a tuple that belongs to no socket. There are four cases:
//    a. The packet was forwarded, and NAT changed its addresses or ports (masquerading, a published port). The
//       namespace sees it twice, once with a tuple that has neither end here. Both flows carry the same stream: for
//       TCP the sequence numbers agree, for UDP one end and the number of bytes agree. No process here moved the
//       packet, so it does not count here. Each end counts it in its own namespace. If an unconnected UDP socket has
//       the changed port, it has not received the packet. (A packet that is forwarded unchanged has no address of
//       this namespace.)
//    b. The packet is the outer packet of a UDP tunnel (VXLAN and similar), made by the kernel. The bytes inside
//       count at the sockets that moved them.
//    c. The packet belongs to a socket here, and NAT changed one end of its tuple. The other end identifies the
//       socket (SocketLookup::find_rewritten()). The packet counts for this socket by rules 1 and 2. But if packets
//       with the socket's own tuple were seen in the same direction, the changed packet belongs to another socket.
//    d. The packet belongs to a socket that was opened and closed between two lists. It counts once, with an unknown
//       owner.
//    Case a is tried first, because its evidence is the strongest.
// The kernel's connection tracking (conntrack) is not read: reading takes privileges, and entries do not name sockets.
#pragma once

#include "traffic/packet/flow_table.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

namespace socktally {

struct SightingPlace {
    std::function<bool(const Address&)> is_local; // returns whether an address belongs to this namespace
    std::function<bool(Inode)> is_held;           // returns whether a known process holds a socket
    std::vector<std::uint16_t> tunnel_ports;      // UDP ports at which the kernel receives tunnelled packets
    bool sees_all = true;                         // packets of all interfaces are captured
    bool forwards = true;                         // this namespace forwards IP
};

/// Sets is_nobodys of those `flows` that no process here has moved (cases 3a and 3b). In case 3a another flow has the
/// same stream under another tuple: the counterpart. `all` returns the flows among which counterparts are searched for;
/// it is called only if needed. Returns the number of flows that were marked although their bytes do not agree with
/// those of their counterpart.
std::uint64_t mark_nobodys(const std::vector<PacketFlow*>& flows, const std::function<std::vector<PacketFlow*>()>& all,
                           const SightingPlace& place);

/// Applies case 3c: adds a flow whose tuple NAT has changed to the flow with the socket's own tuple, if there is one.
/// Returns the flows that were added to others, and are now empty. If a flow cannot belong to its socket, removes the
/// socket from the flow.
std::set<const PacketFlow*> join_rewritten(const std::vector<PacketFlow*>& flows, FlowTable& table);

} // namespace socktally
