// SPDX-License-Identifier: MIT
// Messages of the kernel control com.apple.network.statistics of macOS, which nettop(1) uses. Pure.
//
// The interface is private. Its messages did not change from macOS 11 to 15, but for fields that were added at their
// ends. Offsets are in bytes from the start of a message, numbers in the byte order of the machine:
//
//   header       context 8 @0, type 4 @8, length 2 @12, flags 2 @14
//   added        header, source 8 @16, provider 4 @24
//   removed      header, source 8 @16
//   update       header, source 8 @16, events 8 @24, counts @32, provider 4 @144, descriptor @152
//   counts       rx_packets 8 @32, rx_bytes 8 @40, tx_packets 8 @48, tx_bytes 8 @56, and others up to 144
//   descriptor   TCP: upid 8 @0, interface 4 @72, state 4 @76, pid 4 @116, local 28 @124, remote 28 @152, name 64 @196,
//                uid 4 @328; UDP: upid 8 @0, local 28 @56, remote 28 @84, interface 4 @112, pid 4 @128, name 64 @132,
//                uid 4 @268
//   endpoint     a sockaddr_in or sockaddr_in6 of BSD: length 1 @0, family 1 @1, port 2 @2, address 4 @4 or 16 @8
//
// A descriptor is believed only if all of its fields make sense, so that a later layout is noticed.
#pragma once

#include "model/flow.hpp"
#include "sockets/socket.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace socktally {

/// The kinds of flows. Those of `userland` belong to processes that have TCP or UDP in their own code.
enum class NtstatProvider : std::uint32_t {
    tcp_kernel = 2,
    tcp_userland = 3,
    udp_kernel = 4,
    udp_userland = 5,
    quic_userland = 8,
};

/// Who uses a flow, and its ends.
struct NtstatDescriptor {
    Tuple tuple;
    TcpState state = TcpState::established; // of UDP: `established`
    std::uint32_t interface = 0;
    Pid pid;                // process that last used the socket; 0: the kernel
    std::uint64_t upid = 0; // number of that process, which no other process gets before a reboot
    std::string name;       // of that process, at most 63 bytes
    std::optional<Uid> uid;
};

struct NtstatSuccess { // the answer to a request
    std::uint64_t context = 0;
    bool has_more = false; // the answer was only a part, and the request must be repeated
};
struct NtstatFailure {
    std::uint64_t context = 0;
    std::uint32_t error = 0; // errno
};
struct NtstatAdded {
    std::uint64_t source = 0; // number of the flow; 0 is never one
    std::uint32_t provider = 0;
};
struct NtstatRemoved {
    std::uint64_t source = 0;
};
struct NtstatUpdate {
    std::uint64_t source = 0;
    std::uint32_t provider = 0;
    std::uint64_t rx_bytes = 0; // payload since the flow began
    std::uint64_t tx_bytes = 0;
    bool is_last = false;                                          // the flow has closed
    std::variant<NtstatDescriptor, std::string_view> descriptor{}; // or why it makes no sense
};
struct NtstatOther {};   // another type of message
struct NtstatGarbled {}; // a message that is too short for its type
using NtstatMessage =
    std::variant<NtstatOther, NtstatGarbled, NtstatSuccess, NtstatFailure, NtstatAdded, NtstatRemoved, NtstatUpdate>;

/// Cuts the first message off a datagram, and returns it decoded. Returns null if the datagram is empty. If the length
/// of the message makes no sense, returns NtstatGarbled and empties the datagram.
std::optional<NtstatMessage> next_ntstat_message(std::span<const std::byte>& datagram);

/// Returns a request to report all flows of a provider, those that exist and those that begin later.
std::vector<std::byte> ntstat_subscription(NtstatProvider provider, std::uint64_t context);
/// Returns a request for an update of each flow. The kernel answers with some flows at a time. Repeat the request with
/// the same context while NtstatSuccess::has_more is true.
std::vector<std::byte> ntstat_query(std::uint64_t context);

} // namespace socktally
