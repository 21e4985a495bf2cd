// SPDX-License-Identifier: MIT
// What the process wrote and read of a TCP connection in the window. Packets show what was on the wire; the queues of
// the socket at both ends of the window make up the difference. Pure.
#pragma once

#include "sockets/listed_socket.hpp"
#include "traffic/packet/flow_table.hpp"

#include <cstdint>

namespace socktally {

struct TcpWindow {
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    bool ended_unread = false;   // it ended in a way in which bytes may have been left that nobody read, or sent
    bool unsent_unknown = false; // bytes waited to be sent or acknowledged at an end of the window
    std::int64_t rx_carried = 0; // PacketFlow::Direction::carried into the next window
    std::int64_t tx_carried = 0;
};

/// `first` and `last` are the flow's socket as the lists at both ends of the window have it, null where it was not
/// there (any more). Where both have counters their difference is the figure, and of a connection that was seen to
/// begin what the last one has more than was counted: each list is of one instant, whatever passes at the same time.
/// Else packets are, with what the queues gained or lost. Over several windows both add up to the same.
TcpWindow tcp_in_window(const PacketFlow& flow, const ListedSocket* first, const ListedSocket* last);

/// The same of a connection without packets in the window, from whose queue may have been read. Lists are made a moment
/// after the end: one that the list before does not have began by then, and is the next window's. What is carried is
/// for a flow whose first list is `last`.
TcpWindow tcp_without_packets(const ListedSocket* first, const ListedSocket& last);

} // namespace socktally
