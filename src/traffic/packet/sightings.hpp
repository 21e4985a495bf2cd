// SPDX-License-Identifier: MIT
// Decides which sighting counts if a byte is seen several times in a network namespace. Pure.
//
// 1. If a list shows a TCP socket with counters, the socket has moved what its counters have gained. The counters are
//    the socket's own, however its bytes were cut into packets, and whatever addresses the packets had (delivered.hpp).
// 2. Without counters (UDP, and connections that are in no list at the end) the packets of the socket's tuple count.
//    The socket is found by both ends of the tuple, or for UDP by its local port.
// 3. If a packet has an address of this namespace, but the tuple of no socket, it is one of these:
//    a. It was forwarded with other addresses or ports (masquerading, a published port). The namespace sees it twice,
//       once under a tuple with neither end here. Both flows carry one stream: for TCP the sequence numbers agree, for
//       UDP one end and the bytes. (A packet that is forwarded unchanged has neither end here.) No process here moved
//       it, so it does not count here; each end counts it in its own namespace. An unconnected UDP socket at the
//       rewritten port has not received it.
//    b. It is an outer packet of a tunnel in UDP (VXLAN and similar), made by the kernel. The bytes inside count at the
//       sockets that moved them.
//    c. It belongs to a socket here, and was rewritten on its way. One end of the socket's tuple is unchanged, and by
//       it the socket is found (SocketLookup::find_rewritten()). The packets count as the socket's, by rules 1 and 2.
//       But if packets of the socket's own tuple were seen going the same way, the packet is not the socket's.
//    d. It belongs to a socket that was opened and closed between two lists. It counts once, as unknown.
//    Rule a is tried first, because its signs are the surest.
// The kernel's connection tracking (conntrack) is not read, because that takes privileges and does not name sockets.
#pragma once

#include "traffic/packet/flow_table.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

namespace socktally {

struct SightingPlace {
    std::function<bool(const Address&)> is_local; // true for an address of this namespace
    std::function<bool(Inode)> is_held;           // true if a process holds the socket
    std::vector<std::uint16_t> tunnel_ports;      // ports at which the kernel receives packets of tunnels
    bool sees_all = true;                         // packets of all interfaces are captured
    bool forwards = true;                         // this namespace forwards IP
};

/// Marks the flows of rules 3a and 3b as belonging to no process. Searches `all` for counterparts, but calls it only if
/// a flow may be one of these. Returns how many flows are taken for forwarded although their bytes differ.
std::uint64_t mark_nobodys(const std::vector<PacketFlow*>& flows, const std::function<std::vector<PacketFlow*>()>& all,
                           const SightingPlace& place);

/// Applies rule 3c: adds the packets of a socket that were seen under another tuple to the flow of the socket's own
/// tuple, if there is one. Returns the flows that are empty afterwards. A flow that cannot be the socket's loses its
/// socket.
std::set<const PacketFlow*> join_rewritten(const std::vector<PacketFlow*>& flows, FlowTable& table);

} // namespace socktally
