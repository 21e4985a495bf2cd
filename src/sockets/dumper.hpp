// SPDX-License-Identifier: MIT
// Dumps of the kernel's sockets that have dealt with what can go wrong in one: busy, overrun, disturbed, refused.
#pragma once

#include "linux/netlink_socket.hpp"
#include "linux/netns.hpp"
#include "linux/trace.hpp"
#include "sockets/diag.hpp"
#include "sockets/tcp_in_use.hpp"

#include <chrono>
#include <cstdint>
#include <functional>

namespace socktally {

/// Of the network namespace that the calling thread is in when it is made, wherever it is used.
class Dumper {
public:
    explicit Dumper(Trace trace) : trace_(trace) {}

    using Take = std::function<DumpRow(const DiagSocket&)>;
    enum class Outcome : std::uint8_t {
        clean,
        disturbed, // sockets came and went under every dump: one that none of them showed is possible
    };

    /// TCP with counters, listeners included, into `take`; again while a dump was disturbed, a few times. `begin` is
    /// called before each dump. Sockets that only some of the dumps show are all taken. Nothing is asked where there
    /// are none. Throws std::system_error where the kernel refuses.
    struct Dumped {
        Outcome outcome = Outcome::clean;
        std::chrono::steady_clock::time_point begun; // of the first dump, which shows most sockets
        std::chrono::steady_clock::time_point ended;
    };
    Dumped tcp(const std::function<void()>& begin, const Take& take);
    /// TCP sockets once, as a rule without counters: cheaper. False where the kernel gave an error.
    bool tcp_quick(const std::function<void(const DiagSocket&)>& take, DiagDetail detail = DiagDetail::sockets);
    /// Whether the kernel lists TCP sockets, which costs less than to ask for them.
    bool lists_tcp();
    /// False where the kernel does not list UDP sockets (no udp_diag).
    bool udp(const std::function<void(const DiagSocket&)>& take);
    /// One TCP socket by tuple and cookie; null where there is none (any more).
    std::optional<DiagSocket> lookup(const Flow& flow);

    /// How many TCP sockets there are; null where that is not told.
    std::optional<std::size_t> tcp_in_use() const { return in_use_.read(); }

    /// Messages that were cut short or made no sense.
    std::uint64_t garbled() const { return garbled_; }

private:
    void renew();
    /// Repeats a request until the kernel was neither busy nor overrun. The errno of the last try, or 0.
    int ask(std::span<std::byte> request, Protocol protocol, const std::function<void(const DiagSocket&)>& take);

    NetlinkSocket socket_{NetlinkSocket::Mode::blocking};
    std::uint64_t netns_ = netns_of_thread(); // namespace of the socket, to open a new one there
    TcpInUse in_use_;
    std::uint64_t garbled_ = 0;
    Trace trace_;
};

} // namespace socktally
