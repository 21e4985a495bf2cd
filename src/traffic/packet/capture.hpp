// SPDX-License-Identifier: MIT
// The packets of some network namespaces over one window after another: what the packet backend is made of, and the
// netlink backend's UDP. Whoever uses it says when things happen, and scans the holders of sockets.
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

    /// Returns the buffer size of each of so many namespaces besides our own, which has `buffer_bytes`.
    static std::size_t share_of(std::size_t buffer_bytes, std::size_t namespaces);
    static constexpr std::size_t files_per_namespace = 10 + ProtocolCountersReader::files + UncountedSockets::files;

    /// The network namespace that the calling thread, one of several, is in. Throws std::system_error if packets
    /// cannot be captured.
    void add_namespace(Inode netns, std::size_t buffer_bytes, Arrival arrival = Arrival::was_there);
    bool is_empty() const { return places_.empty(); }
    void drop_namespace(Inode netns);
    /// Drops one that is gone. Returns false if there is something left in it to capture or to count.
    bool leave(Inode netns);

    /// Packets are kept from here on, of the namespaces added since this was last called. Holders are to be scanned
    /// before, and between end() and finish().
    void begin();
    /// Takes the packets that have arrived. Also needed while a window closes: a ring has room for a few blocks only.
    void drain();
    /// The same, for places that call it very often.
    void drain_now_and_then();
    /// When search() has something to do; null: not before packets come.
    std::optional<Clock::time_point> next_search() const;
    /// Finds the sockets of new flows while they live.
    void search(Clock::time_point now);
    /// Has search() find the holders by now of what is still open of what OwnerScanner::confirm() missed.
    void search_again(const std::vector<Inode>& missed);
    /// Traces the owners of the listed sockets, with -vv.
    void trace_owners() const;
    /// Drops what has been idle for long. To be called a few times a second.
    void retire_idle(Clock::time_point now);
    /// The end of the window: later packets are of the next one. Lists the sockets.
    void end();
    /// Takes the packets of before, which the kernel hands over in a while.
    void await_packets();
    /// Readable when packets wait.
    int fd() const { return ready_.get(); }

    /// Adds the inodes of all sockets that were listed.
    void add_listed(std::vector<Inode>& inodes) const;
    bool saw_packets() const;
    /// Matches the remaining packets, and hands over all flows, with those of sockets that moved nothing.
    void finish(std::vector<Flow>& flows);
    Faults faults() const;
    UncountedTraffic uncounted() const;
    /// The end of the window is the beginning of the next one.
    void next_window();

private:
    std::vector<std::uint16_t> tunnel_ports() const;

    OwnerScanner& owners_;
    CaptureWants wants_;
    std::mutex adding_;
    std::vector<std::unique_ptr<NamespaceCapture>> places_;
    Fd ready_;             // epoll
    bool is_first_ = true; // window
    Clock::time_point begun_{};
    Clock::time_point drained_{};
    Clock::time_point rested_{}; // until then the last search's cost asks for rest
};

} // namespace socktally
