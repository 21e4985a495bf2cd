// SPDX-License-Identifier: MIT
// Talks to the kernel control com.apple.network.statistics: sends requests, and passes the messages from it on to the
// flow table. The kernel also sends messages without a request, when flows begin and close.
#pragma once

#include "linux/fd.hpp"
#include "traffic/ntstat/flow_table.hpp"
#include "traffic/ntstat/messages.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace socktally {

class NtstatControl {
public:
    using Clock = std::chrono::steady_clock;
    using Described = std::function<void(const NtstatDescriptor&)>;

    /// `socket` is a connected datagram socket. `patience` is for the answer to one request.
    NtstatControl(Fd socket, std::chrono::nanoseconds patience);

    /// Subscribes to TCP, UDP and QUIC, and checks that the kernel describes flows as expected. Returns why this cannot
    /// work; empty if it does.
    std::string begin();
    /// Asks for the totals of all flows, part by part. Returns whether the answer is complete.
    bool query();
    /// Reads the messages that have come.
    void drain();

    NtstatFlowTable& flows() { return flows_; }
    /// Returns the descriptor to wait for; -1 if no more messages come.
    int fd() const { return is_broken_ ? -1 : socket_.get(); }
    /// Returns the number of messages that could not be understood since the last call.
    std::size_t take_garbled() { return std::exchange(garbled_, 0); }
    /// Calls `described` with the descriptor in each update.
    void set_described(Described described) { described_ = std::move(described); }

private:
    int subscribe(NtstatProvider provider);
    int ask(const std::vector<std::byte>& request, std::uint64_t context);
    bool wait_until_readable(Clock::time_point deadline) const;
    bool receive();
    void take(const NtstatOther&) {}
    void take(const NtstatGarbled&) { ++garbled_; }
    void take(const NtstatSuccess& success);
    void take(const NtstatFailure& failure);
    void take(const NtstatAdded& added) { flows_.take(added); }
    void take(const NtstatRemoved& removed) { flows_.take(removed); }
    void take(const NtstatUpdate& update);

    Fd socket_;
    std::chrono::nanoseconds patience_;
    std::vector<std::byte> buffer_;
    NtstatFlowTable flows_{};
    Described described_{};
    std::size_t garbled_ = 0;
    std::uint64_t context_ = 0;   // of the last request
    std::uint64_t waits_for_ = 0; // context of the answer
    std::optional<int> answer_{};
    bool has_more_ = false;
    bool is_broken_ = false; // the other end has closed the socket
};

} // namespace socktally
