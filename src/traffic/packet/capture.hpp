// SPDX-License-Identifier: MIT
// Captures the packets of several network namespaces, window after window. The packet backend captures TCP and UDP with
// it, the netlink backend only UDP. The caller decides when each step happens, and scans the holders of sockets.
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

    Capture(OwnerScanner& holders, CaptureWants wants);
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    ~Capture();

    /// Returns the size of the capture buffer for each namespace except our own, in bytes. `buffer_bytes` is the size
    /// for our own namespace, and `namespaces` the number of the other namespaces.
    static std::size_t share_of(std::size_t buffer_bytes, std::size_t namespaces);
    static constexpr std::size_t files_per_namespace = 10 + ProtocolCountersReader::files + UncountedSockets::files;

    /// Adds the network namespace of the calling thread. Several threads may call it at once. Throws std::system_error
    /// if packets cannot be captured.
    void add_namespace(Inode netns, std::size_t buffer_bytes, Arrival arrival = Arrival::was_there);
    bool is_empty() const { return places_.empty(); }
    void drop_namespace(Inode netns);
    /// Drops a namespace that no longer exists. Returns false, and keeps it, if it still has sockets, or packets that
    /// were not counted.
    bool leave(Inode netns);

    /// Begins to capture in the namespaces that were added since the last call. Scan the holders before the first call,
    /// and again between end() and finish().
    void begin();
    /// Reads the packets that have arrived. Call it often, also while a window closes, because a ring has room for only
    /// a few blocks.
    void drain();
    /// Calls drain() if the last call was at least some milliseconds ago.
    void drain_now_and_then();
    /// Returns the time at which search() is due; null if it is not due until more packets arrive.
    std::optional<Clock::time_point> next_search() const;
    /// Searches for the sockets of new flows, and for the holders of these sockets, before they end.
    void search(Clock::time_point now);
    /// Takes the sockets that OwnerScanner::confirm() has returned. For those that are still open, search() will search
    /// for new holders.
    void search_again(const std::vector<Inode>& missed);
    /// Traces the owners of the listed sockets for -vv.
    void trace_owners() const;
    /// Drops flows that have been idle for a long time. Call it a few times a second.
    void retire_idle(Clock::time_point now);
    /// Ends the window, and lists the sockets. Packets that arrive later belong to the next window.
    void end();
    /// Reads the remaining packets of the window, which the kernel hands over after some milliseconds.
    void await_packets();
    /// Returns a descriptor that is readable when packets wait.
    int fd() const { return ready_.get(); }

    /// Adds the inodes of all sockets that were listed.
    void add_listed(std::vector<Inode>& inodes) const;
    /// Adds the listeners of TCP at both ends of the window.
    void add_to(Listeners& listeners) const;
    bool saw_packets() const;
    /// Matches the remaining flows to sockets. Adds the flows of the window to `flows`, and a flow without packets for
    /// each other listed socket.
    void finish(std::vector<Flow>& flows);
    /// Adds the look-ups of the window; call it after finish(). `rest`: what becomes of those without an answer yet.
    void finish_lookups(Sample& sample, DnsLookups::Rest rest);
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
    bool is_first_ = true; // no window has ended yet
    Clock::time_point begun_{};
    Clock::time_point drained_{};
    Clock::time_point rested_{}; // end of the pause after the last search
};

} // namespace socktally
