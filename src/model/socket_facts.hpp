// SPDX-License-Identifier: MIT
// Facts of a socket besides its tuple, its owner and its bytes. `socktally ports` prints them, a sample does on
// request.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socktally {

/// TCP's states, by the names that filters of ss(8) use. Other sockets are established if connected, else unconnected.
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
std::span<const std::string_view> connection_state_names(); // in the order of the enum
std::string_view to_string(ConnectionState state);          // "time-wait"
/// Takes the short names of ss too, such as listen and estab. Returns null if there is no such state.
std::optional<ConnectionState> parse_connection_state(std::string_view text);

struct SocketFacts {
    bool is_listed = false;                 // of a socket of `ports`
    std::optional<ConnectionState> state{}; // at the end of the window; in a sample only of TCP
    // Of TCP, from struct tcp_info at the end of the window, or the last one of a closed socket.
    std::optional<std::uint64_t> rtt_us{};              // tcpi_rtt, which is smoothed
    std::optional<std::uint64_t> retransmitted_bytes{}; // tcpi_bytes_retrans: payload sent again in the window
    // Only of `ports`.
    /// TCP: bytes received and not read; of a listener, connections that wait to be accepted. Else bytes of memory.
    std::optional<std::uint32_t> rx_queue{};
    /// TCP: bytes written but not acknowledged; null for a listener. Others: bytes of memory.
    std::optional<std::uint32_t> tx_queue{};
    std::optional<std::uint32_t> backlog{}; // of a listener: how many connections may wait; null in /proc/net
    std::optional<std::string> device{};    // the device that the socket is bound to; null: none, or not known
    std::optional<bool> v6_only{};          // of an IPv6 socket that is not connected; null: not known, or not IPv6
    auto operator<=>(const SocketFacts&) const = default;
};

} // namespace socktally
