// SPDX-License-Identifier: MIT
// Captures the packets of some network namespaces in one window after another, for the packet backend, and for UDP of
// the netlink backend. The caller decides when the steps happen, and scans the holders of sockets.
#pragma once

#include "linux/fd.hpp"
#include "traffic/packet/namespace_capture.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace socktally {

class Capture {
public:
    using Clock = std::chrono::steady_clock;

    /// `interfaces`: indices of the interfaces to capture on; empty: all.
    Capture(OwnerScanner& holders, Captured kept, FlowSums::Detail detail, std::vector<std::uint32_t> interfaces = {});
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    ~Capture();

    /// Returns the buffer size for each of `namespaces` other namespaces; our own has `buffer_bytes`.
    static std::size_t share_of(std::size_t buffer_bytes, std::size_t namespaces);
    static constexpr std::size_t files_per_namespace = 10 + ProtocolCountersReader::files + UncountedSockets::files;

    /// Adds the network namespace of the calling thread; several threads may call it. Throws std::system_error if
    /// packets cannot be captured.
    void add_namespace(Inode netns, std::size_t buffer_bytes, Arrival arrival = Arrival::was_there);
    bool is_empty() const { return places_.empty(); }
    void drop_namespace(Inode netns);
    /// Drops a namespace that no longer exists. Returns false if something in it is still to be captured or counted.
    bool leave(Inode netns);

    /// Keeps packets from now on, of namespaces added since the last call. Scan the holders before it, and between
    /// end() and finish().
    void begin();
    /// Takes the packets that have arrived. Needed while a window closes too, because a ring has room for a few blocks
    /// only.
    void drain();
    /// Drains like drain(), but not more often than every few milliseconds.
    void drain_now_and_then();
    /// Returns when search() has something to do; null: not before packets come.
    std::optional<Clock::time_point> next_search() const;
    /// Finds the sockets of new flows, and their holders, while they exist.
    void search(Clock::time_point now);
    /// Takes the sockets that OwnerScanner::confirm() has returned: search() will find the new holders of those still
    /// open.
    void search_again(const std::vector<Inode>& missed);
    /// Traces the owners of the listed sockets for -vv.
    void trace_owners() const;
    /// Drops flows that have been idle for long. Call it a few times a second.
    void retire_idle(Clock::time_point now);
    /// Ends the window: later packets belong to the next one. Lists the sockets.
    void end();
    /// Takes the remaining packets of the window, which the kernel passes on after a while.
    void await_packets();
    /// Returns a descriptor that is readable when packets wait.
    int fd() const { return ready_.get(); }

    /// Adds the inodes of all sockets that were listed.
    void add_listed(std::vector<Inode>& inodes) const;
    bool saw_packets() const;
    /// Matches the remaining packets, and adds all flows to `flows`, including those of sockets that moved nothing.
    void finish(std::vector<Flow>& flows);
    Faults faults() const;
    UncountedTraffic uncounted() const;
    /// Begins the next window where this one ended.
    void next_window();

private:
    std::vector<std::uint16_t> tunnel_ports() const;

    OwnerScanner& owners_;
    CaptureWants wants_;
    std::mutex adding_;
    std::vector<std::unique_ptr<NamespaceCapture>> places_;
    Fd ready_;             // epoll
    bool is_first_ = true; // this is the first window
    Clock::time_point begun_{};
    Clock::time_point drained_{};
    Clock::time_point rested_{}; // end of the pause after the last search
};

} // namespace socktally
