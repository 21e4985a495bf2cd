// SPDX-License-Identifier: MIT
// The seam. A backend turns a window into a Sample; everything after it is the same whichever backend answered.
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

/// A refusal: why this cannot work here, and one line that would fix it (empty: nothing would).
struct Unavailable {
    std::string why;
    std::string remedy;
};

/// Called with the cgroup of a socket that has just been seen (Flow::cgroup_id), perhaps repeatedly: finds out its path
/// at once, because the cgroup may be removed soon.
using IdentifyGroup = std::function<void(std::uint64_t cgroup_id)>;

class Interrupt;   // linux/interrupt.hpp
class ProcessTree; // processes/process_tree.hpp

/// Called with a process that a backend has just met, and again when it has become another program, to find out who it
/// is while it lives. For backends that look processes up themselves; facts from the kernel need none.
using IdentifyProcess = std::function<void(Process&)>;

struct SampleRequest {
    std::chrono::nanoseconds window{0}; // 0: no window, totals of the open sockets
    Interrupt* interrupt = nullptr;     // ends the window early
    bool last = false;                  // no window follows: nothing has to be kept for one, or left to it
    /// Called when the window begins, with 0, and a few times a second from then on; may be empty.
    std::function<void(std::chrono::nanoseconds elapsed)> progress;
    IdentifyProcess identify_process; // at processes that may be over soon; may be empty
    IdentifyGroup identify_group;     // at cgroups that may be removed soon; may be empty
    /// With BackendOptions::trees: a backend that looks processes up itself has it look when it is time. Another
    /// backend fills Process::trees.
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
    Snapshot snapshot{}; // what the totals come from, but the interfaces; empty unless BackendOptions::counters
};

class Backend {
public:
    virtual ~Backend() = default;
    /// Measures one window. Throws if it cannot go on. Called again, it measures the next one, which began where the
    /// last one ended (window_clock.hpp): what is moved between two calls belongs to it, and no byte to both or to
    /// none. What is kept from one call to the next does not grow with their number. Flows, notes and figures are those
    /// of the window alone. With a signal in `request.interrupt` it ends at once.
    virtual BackendResult sample(const SampleRequest& request) = 0;
    /// Which of the ways to do it this one took here, and why not the others; empty if there is one way.
    virtual std::string variant() const { return {}; }
    /// Returns what this backend cannot see here, whatever the traffic; for doctor.
    virtual std::vector<Note> limits() const = 0;
};

/// Demands on a backend, given before it opens: it may cost less if less is asked.
struct BackendOptions {
    bool tuples = false;                     // a flow for each socket, not only one for each process
    bool peers = false;                      // with tuples: a flow for each other end of a datagram socket too
    bool ports = false;                      // with tuples: both ports of each connection, not only the service's
    bool packets = false;                    // PacketCounts too
    bool trees = false;                      // Process::trees of SampleRequest::tree
    bool facts = false;                      // Flow::facts of TCP; in a list of sockets what is from tcp_info too
    bool totals = false;                     // no window: totals of the open sockets
    bool repeated = false;                   // sample() will be called more than once
    bool counters = false;                   // with totals: the snapshot that they come from
    std::uint32_t states = ~0U;              // for lists: those that are wanted, bit n is ConnectionState n
    std::vector<Inode> namespaces{};         // the network namespaces that are wanted; empty: all that may be entered
    std::vector<std::uint32_t> interfaces{}; // indices of those whose traffic is wanted; empty: all
    std::size_t capture_buffer = std::size_t{8} << 20; // bytes, for backends that see packets
    Trace trace{};
};

using OpenResult = std::variant<std::unique_ptr<Backend>, Unavailable>;

/// sock_diag: TCP of all network namespaces to the byte; datagrams are captured if that is allowed.
OpenResult open_netlink(const BackendOptions& options);
/// AF_PACKET: TCP and UDP packets, summed by tuple and matched to sockets and their owners. Counts payload, packets and
/// IP bytes to the byte as long as the capture buffer drops nothing.
OpenResult open_packet(const BackendOptions& options);
/// BPF programs: payload is counted in the kernel, in the context of the process that moves it. This is exact for every
/// process, protocol and network namespace, however many processes hold the socket and however short they live.
OpenResult open_ebpf(const BackendOptions& options);
/// The same without a window, which open_ebpf() chooses: what each open TCP socket has moved since it was opened, in
/// every network namespace.
OpenResult open_ebpf_totals(const BackendOptions& options);
/// /proc/net: which process has how many sockets. It works if nothing else does, and counts no bytes.
OpenResult open_procfs(const BackendOptions& options);

struct BackendEntry {
    std::string_view name;
    std::string_view counters; // where its counters come from
    OpenResult (*open)(const BackendOptions& options);
    /// The capabilities(7) that it uses, in the form that setcap(8) takes.
    std::string_view capabilities{};
    /// The least number of files that are open at the same time; each network namespace adds more.
    std::size_t files = 0;
};

/// Best first; `auto` takes the first that opens.
std::span<const BackendEntry> backends();
/// The same for `socktally ports` (socket_list.cpp).
std::span<const BackendEntry> socket_lists();

} // namespace socktally
