// SPDX-License-Identifier: MIT
// The interface of all backends. A backend measures a window and returns a Sample. The code that uses the Sample is the
// same for all of them.
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

/// Says why something cannot work here, and in one line how to fix that. `remedy` is empty if nothing helps.
struct Unavailable {
    std::string why;
    std::string remedy;
};

/// A backend calls this function with Flow::cgroup_id of each socket that it has just seen, perhaps repeatedly. The
/// function looks up the path of the cgroup at once, because the cgroup may be removed soon.
using IdentifyGroup = std::function<void(std::uint64_t cgroup_id)>;

class Interrupt;   // defined in linux/interrupt.hpp
class ProcessTree; // defined in processes/process_tree.hpp

/// A backend calls this function with each process that it has just seen, and again when the process has executed
/// another program. The function finds out who the process is while the process is alive. A backend that gets all facts
/// about processes from the kernel does not call it.
using IdentifyProcess = std::function<void(Process&)>;

struct SampleRequest {
    std::chrono::nanoseconds window{0}; // length of the window; 0: no window, but totals of open sockets
    Interrupt* interrupt = nullptr;     // may end the window early
    bool last = false;                  // no window follows, so the backend need not keep anything for it
    /// Optional. Called with 0 when the window begins, and then a few times a second.
    std::function<void(std::chrono::nanoseconds elapsed)> progress;
    IdentifyProcess identify_process; // optional; called for each process, which may end soon
    IdentifyGroup identify_group;     // optional; called for each cgroup, which may be removed soon
    /// Set if BackendOptions::trees is set. A backend that finds processes itself calls tree->look() when that is due.
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
    Snapshot snapshot{}; // counters behind the totals, without interfaces; empty without BackendOptions::counters
};

class Backend {
public:
    virtual ~Backend() = default;
    /// Measures one window. A later call measures the window that began when the last one ended (window_clock.hpp).
    /// Bytes that move between two calls belong to the later window, so each byte is in exactly one window. The state
    /// that the backend keeps does not grow with the number of calls. Flows, notes and figures describe this window
    /// only. A signal in `request.interrupt` ends the window at once. Throws if the backend cannot go on.
    virtual BackendResult sample(const SampleRequest& request) = 0;
    /// Returns which variant of its method this backend uses here, and why not another one. Empty if it has only one.
    virtual std::string variant() const { return {}; }
    /// Returns what this backend can never see here, whatever the traffic is. doctor prints these notes.
    virtual std::vector<Note> limits() const = 0;
};

/// The facts that the caller needs. A backend gets these options before it opens, and collects no other facts.
struct BackendOptions {
    bool tuples = false;                     // a flow for each socket, not only for each process
    bool peers = false;                      // with tuples: also a flow for each peer of a datagram socket
    bool ports = false;                      // with tuples: both ports of each connection, not only that of the service
    bool packets = false;                    // PacketCounts too
    bool trees = false;                      // also Process::trees (see SampleRequest::tree)
    bool facts = false;                      // also Flow::facts of TCP sockets; for `ports`, also facts from tcp_info
    bool totals = false;                     // no window, but totals of open sockets
    bool repeated = false;                   // sample() will be called more than once
    bool counters = false;                   // with totals: also BackendResult::snapshot
    bool lookups = false;                    // Sample::lookups, with the flows that asked, and nothing else
    std::uint32_t states = ~0U;              // for `ports`: which states are listed; bit n is for ConnectionState n
    std::vector<Inode> namespaces{};         // network namespaces to measure; empty: all that can be entered
    std::vector<std::uint32_t> interfaces{}; // indices of the interfaces whose traffic counts; empty: all
    std::size_t capture_buffer = std::size_t{8} << 20; // bytes; only for backends that capture packets
    Trace trace{};
};

using OpenResult = std::variant<std::unique_ptr<Backend>, Unavailable>;

/// Opens the netlink backend. It counts TCP through sock_diag in all network namespaces, exactly to the byte. If
/// allowed, it also captures the packets of datagrams.
OpenResult open_netlink(const BackendOptions& options);
/// Opens the packet backend. It captures TCP and UDP packets through AF_PACKET, adds them up by tuple, and finds the
/// socket and the owner of each tuple. Payload, packets and bytes of IP are exact if the capture buffer drops nothing.
OpenResult open_packet(const BackendOptions& options);
/// Opens the ebpf backend. Its BPF programs count payload in the kernel, in the context of the process that moves it.
/// The counts are exact for every process, protocol and network namespace, even if several processes hold a socket, and
/// even if a process lives only for a moment.
OpenResult open_ebpf(const BackendOptions& options);
/// Opens the ebpf backend without a window. BPF iterators read what each open TCP socket has moved since it was opened,
/// in every network namespace. open_ebpf() calls this function if there is no window.
OpenResult open_ebpf_totals(const BackendOptions& options);
/// Opens the procfs backend. It reads from /proc/net which process has how many sockets. It works where no other
/// backend does, but counts no bytes.
OpenResult open_procfs(const BackendOptions& options);

struct BackendEntry {
    std::string_view name;
    std::string_view counters; // where the backend's counters come from
    OpenResult (*open)(const BackendOptions& options);
    /// The capabilities(7) that the backend uses, in the syntax of setcap(8).
    std::string_view capabilities{};
    /// The number of files that the backend opens at the same time. It opens more for each other network namespace.
    std::size_t files = 0;
};

/// Returns the backends, best first. `auto` stands for the first one that opens.
std::span<const BackendEntry> backends();
/// Returns the backends of `socktally ports` (socket_list.cpp), best first.
std::span<const BackendEntry> socket_lists();
/// Returns the backends of `socktally dns`, best first.
std::span<const BackendEntry> lookup_readers();

} // namespace socktally
