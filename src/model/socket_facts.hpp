// SPDX-License-Identifier: MIT
// Facts about a socket besides its tuple, owner and bytes. `socktally ports` prints them. A sample prints them on
// request.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socktally {

/// The states of TCP, with the names that filters of ss(8) use. A socket of another protocol is `established` if it is
/// connected, else `unconnected`.
enum class ConnectionState : std::uint8_t {
    unconnected,
    established,
    syn_sent,
    syn_recv,
    fin_wait_1,
    fin_wait_2,
    time_wait,
    closed,
    close_wait,
    last_ack,
    listening,
    closing,
};
std::span<const std::string_view> connection_state_names(); // names of all states, in the order of the enum
std::string_view to_string(ConnectionState state);          // "time-wait"
/// Parses the name of a state, such as time-wait, or a short name of ss(8), such as estab. Returns null if no state has
/// this name.
std::optional<ConnectionState> parse_connection_state(std::string_view text);

struct SocketFacts {
    bool is_listed = false;                 // true if `ports` lists the socket
    std::optional<ConnectionState> state{}; // state at the end of the window; in a sample, set only for TCP
    // The next two are set only for TCP. They are the values of struct tcp_info at the end of the window. If the socket
    // was closed earlier, they are the values at that time.
    std::optional<std::uint64_t> rtt_us{};              // smoothed round-trip time (tcpi_rtt)
    std::optional<std::uint64_t> retransmitted_bytes{}; // payload sent again in the window (tcpi_bytes_retrans)
    // Only `ports` sets the members from here on.
    // TCP: bytes received but not yet read; for a listener, the number of connections that wait for accept(2). Other
    // protocols: bytes of kernel memory.
    std::optional<std::uint32_t> rx_queue{};
    /// TCP: bytes written but not yet acknowledged; null for a listener. Other protocols: bytes of kernel memory.
    std::optional<std::uint32_t> tx_queue{};
    std::optional<std::uint32_t> backlog{}; // of a listener: most connections that may wait; null: not known
    std::optional<std::string> device{};    // name of the device to which the socket is bound; null: none, or not known
    std::optional<bool> v6_only{};          // IPV6_V6ONLY, if it is an unconnected IPv6 socket; null: not known
    auto operator<=>(const SocketFacts&) const = default;
};

} // namespace socktally
