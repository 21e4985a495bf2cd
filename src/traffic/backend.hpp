// SPDX-License-Identifier: MIT
// The seam. A backend turns a window into a Sample. Everything after it works the same whichever backend answered.
#pragma once

#include "linux/trace.hpp"
#include "model/sample.hpp"
#include "traffic/attribution.hpp"
#include "traffic/snapshot.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace socktally {

/// A refusal: why this cannot work here, and one line that says how to fix it (empty if nothing helps).
struct Unavailable {
    std::string why;
    std::string remedy;
};

/// Is called with the cgroup of a socket that was just seen (Flow::cgroup_id), perhaps repeatedly. Looks up its path at
/// once, because the cgroup may be removed soon.
using IdentifyGroup = std::function<void(std::uint64_t cgroup_id)>;

class Interrupt;   // linux/interrupt.hpp
class ProcessTree; // processes/process_tree.hpp

/// Is called with a process that a backend has just seen, and again when it has become another program, to identify it
/// while it lives. For backends that look up processes themselves; facts from the kernel need no look-up.
using IdentifyProcess = std::function<void(Process&)>;

struct SampleRequest {
    std::chrono::nanoseconds window{0}; // 0: no window, totals of the open sockets
    Interrupt* interrupt = nullptr;     // ends the window early
    bool last = false;                  // no window follows, so nothing must be kept for it
    /// Is called with 0 when the window begins, then a few times a second; may be empty.
    std::function<void(std::chrono::nanoseconds elapsed)> progress;
    IdentifyProcess identify_process; // for processes that may end soon; may be empty
    IdentifyGroup identify_group;     // for cgroups that may be removed soon; may be empty
    /// With BackendOptions::trees: a backend that looks up processes itself calls the tree's look() when it is due.
    /// Other backends set Process::trees.
    ProcessTree* tree = nullptr;

    void tell(std::chrono::nanoseconds elapsed) const
    {
        if (progress) {
            progress(elapsed);
        }
    }
};

struct BackendResult {
    Sample sample;
    Viewer viewer;
    Snapshot snapshot{}; // the counters of the totals, without interfaces; empty unless BackendOptions::counters
};

class Backend {
public:
    virtual ~Backend() = default;
    /// Measures one window. A further call measures the next window, which began where the last one ended
    /// (window_clock.hpp): bytes moved between two calls belong to the next window, so each byte is in exactly one
    /// window. The state kept between calls does not grow with their number. Flows, notes and figures are those of this
    /// window only. A signal in `request.interrupt` ends the window at once. Throws if it cannot go on.
    virtual BackendResult sample(const SampleRequest& request) = 0;
    /// Returns which of its methods this backend uses here, and why not the others; empty if it has only one.
    virtual std::string variant() const { return {}; }
    /// Returns what this backend cannot see here, whatever the traffic; for doctor.
    virtual std::vector<Note> limits() const = 0;
};

/// The demands on a backend. They are given before it opens, because it may cost less if less is demanded.
struct BackendOptions {
    bool tuples = false;                     // a flow for each socket, not only for each process
    bool peers = false;                      // with tuples: a flow for each peer of a datagram socket too
    bool ports = false;                      // with tuples: both ports of each connection, not only the service's
    bool packets = false;                    // PacketCounts too
    bool trees = false;                      // Process::trees, for SampleRequest::tree
    bool facts = false;                      // Flow::facts of TCP; in a list of sockets what is from tcp_info too
    bool totals = false;                     // no window: totals of the open sockets
    bool repeated = false;                   // sample() will be called more than once
    bool counters = false;                   // with totals: also BackendResult::snapshot
    std::uint32_t states = ~0U;              // for lists: those that are wanted, bit n is ConnectionState n
    std::vector<Inode> namespaces{};         // the network namespaces to measure; empty: all that may be entered
    std::vector<std::uint32_t> interfaces{}; // indices of the interfaces whose traffic counts; empty: all
    std::size_t capture_buffer = std::size_t{8} << 20; // bytes, for backends that see packets
    Trace trace{};
};

using OpenResult = std::variant<std::unique_ptr<Backend>, Unavailable>;

/// sock_diag: counts TCP in all network namespaces to the byte; captures datagrams if allowed.
OpenResult open_netlink(const BackendOptions& options);
/// AF_PACKET: TCP and UDP packets, summed by tuple and matched to sockets and their owners. Payload, packets and IP
/// bytes are exact as long as the capture buffer drops nothing.
OpenResult open_packet(const BackendOptions& options);
/// BPF programs: count payload in the kernel, in the context of the process that moves it. This is exact for every
/// process, protocol and network namespace, however many processes hold the socket, and however short their lives are.
OpenResult open_ebpf(const BackendOptions& options);
/// BPF iterators: what each open TCP socket has moved since it was opened, in every network namespace. open_ebpf()
/// calls this if there is no window.
OpenResult open_ebpf_totals(const BackendOptions& options);
/// proc/net: which process has how many sockets. Works where no other backend does, and counts no bytes.
OpenResult open_procfs(const BackendOptions& options);

struct BackendEntry {
    std::string_view name;
    std::string_view counters; // where its counters come from
    OpenResult (*open)(const BackendOptions& options);
    /// The capabilities(7) that it uses, in the syntax of setcap(8).
    std::string_view capabilities{};
    /// The number of files that it needs open at once; each network namespace needs more.
    std::size_t files = 0;
};

/// Returns the backends, best first. `auto` takes the first that opens.
std::span<const BackendEntry> backends();
/// Returns the backends of `socktally ports` (socket_list.cpp), best first.
std::span<const BackendEntry> socket_lists();

} // namespace socktally
