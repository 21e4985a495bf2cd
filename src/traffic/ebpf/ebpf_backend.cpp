// SPDX-License-Identifier: MIT
// The ebpf backend for samples with a window. totals_backend.cpp is the one for samples without a window.
#include "linux/interrupt.hpp"
#include "owners/owner_scanner.hpp"
#include "traffic/backend.hpp"
#include "traffic/ebpf/packets.hpp"
#include "traffic/ebpf/peers.hpp"
#include "traffic/ebpf/tally.hpp"
#include "traffic/ebpf/tally_flows.hpp"
#include "traffic/window_clock.hpp"
#include "util/number.hpp"

#include <fmt/format.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>
#include <thread>

namespace socktally {

namespace {

/// Waits until every BPF program that is running has ended, because it may still use the old value of a variable.
/// Programs run as readers of RCU, and MEMBARRIER_CMD_GLOBAL calls synchronize_rcu(). Kernels with tickless CPUs
/// (nohz_full) refuse membarrier(2). Then this function sleeps for 10 ms, which is enough because a program runs only
/// for microseconds.
void wait_for_programs()
{
    constexpr auto long_enough = std::chrono::milliseconds(10);
    if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
        std::this_thread::sleep_for(long_enough);
    }
}

std::vector<Note> notes_of(const EbpfFaults& faults)
{
    std::vector<Note> notes;
    if (faults.foreign_processes > 0) {
        notes.push_back({NoteCode::other_pidns,
                         fmt::format("{} in pid namespaces that are not visible here: their bytes are in [unknown]",
                                     plural(faults.foreign_processes, "process is", "processes are"))});
    }
    if (faults.interrupted) {
        notes.emplace_back(NoteCode::interrupted);
    }
    if (faults.too_many_processes) {
        notes.emplace_back(NoteCode::too_many_processes);
    }
    if (faults.unreached_namespaces > 0) {
        notes.push_back(
            {NoteCode::other_netns,
             fmt::format("{} could not be entered: connections there may lack bytes if they were opened before "
                         "the window and several threads read from them",
                         plural(faults.unreached_namespaces, "network namespace")),
             "run with sudo"});
    }
    if (faults.unclaimed > 0) {
        notes.push_back({NoteCode::spliced_bytes,
                         fmt::format("{} opened before the window in another network namespace: bytes read from "
                                     "them by splice(2) are missing",
                                     plural(faults.unclaimed, "connection was", "connections were"))});
    }
    if (faults.had_no_room) {
        notes.emplace_back(NoteCode::socket_memory);
    }
    if (faults.missed_calls > 0) {
        notes.push_back(
            {NoteCode::missed_calls,
             fmt::format("the kernel skipped the BPF programs for {}, because the processor was already running these "
                         "programs: the bytes of {} are missing",
                         plural(faults.missed_calls, "socket call"),
                         faults.missed_calls == 1 ? "this call" : "these calls")});
    }
    if (faults.flows_dropped > 0) {
        notes.emplace_back(NoteCode::too_many_sockets);
    }
    if (faults.closed_dropped > 0) {
        notes.push_back({NoteCode::too_many_sockets,
                         fmt::format("too many connections were closed: the state, round-trip time and retransmitted "
                                     "bytes of {} are not known",
                                     faults.closed_dropped)});
    }
    if (faults.crowded_sockets > 0) {
        notes.push_back({NoteCode::too_many_peers,
                         fmt::format("{} had more than {} peers: the bytes of the other peers have no remote address",
                                     plural(faults.crowded_sockets, "socket"), TALLY_MOST_PEERS)});
    }
    return notes;
}

/// Finds in /proc who holds the connections that only sent bytes again. No process used them in the window, so the
/// programs saw none. Returns whether a connection may have an owner that we may not see.
bool find_holders(Sample& sample, const IdentifyProcess& identify)
{
    std::set<Inode> unused;
    for (const Flow& flow : sample.flows) {
        if (flow.inode != Inode{}) { // which other flows do not have
            unused.insert(flow.inode);
        }
    }
    if (unused.empty()) {
        return false;
    }
    OwnerScanner owners; // a new one each time, because such connections are rare
    owners.expect(OwnerScanner::Follows::at_most_threads);
    owners.scan();
    const bool is_denied = owners.may_be_denied();
    const auto holders = owners.take_holders();
    const auto processes = owners.take_processes();
    for (const Holder& holder : holders) {
        if (!unused.contains(holder.inode)) {
            continue;
        }
        const Process& process = processes[holder.process];
        const auto known = std::find_if(sample.processes.begin(), sample.processes.end(), [&](const Process& each) {
            return each.pid == process.pid && each.start_time == process.start_time;
        });
        const auto index = static_cast<std::uint32_t>(known - sample.processes.begin());
        if (known == sample.processes.end()) {
            sample.processes.push_back(process);
            if (identify) {
                identify(sample.processes.back());
            }
        }
        sample.holders.push_back({holder.inode, index});
    }
    return is_denied;
}

class EbpfBackend final : public Backend {
public:
    EbpfBackend(Tally tally, Tally::Detail detail, Tally::Windows windows, const BackendOptions& options)
        : tally_(std::move(tally)), detail_(detail), windows_(windows), keeps_facts_(options.facts)
    {
        if (options.packets) {
            packets_.emplace(windows);
        }
        if (detail == Tally::Detail::peers) {
            peers_.emplace(tally_.peer_maps());
        }
    }

    BackendResult sample(const SampleRequest& request) override
    {
        BackendResult result;
        Sample& sample = result.sample;
        sample.backend = "ebpf";
        if (clock_.is_first()) {
            tally_.attach();
            if (peers_) {
                peers_->attach();
            }
            if (request.tree != nullptr) {
                tally_.mark(*request.tree);
            }
            tally_.start();
            if (packets_) {
                packets_->start();
            }
            interfaces_ = read_interfaces();
        }
        wait_until(clock_.begin(request.window), request);
        take_interface_deltas(interfaces_, sample);
        if (packets_) {
            packets_->end_window();
        }
        tally_.end_window();
        clock_.end(sample, how_ended(request));
        wait_for_those_under_way();

        EbpfFaults faults = add_flows(sample);
        const bool is_denied = find_holders(sample, request.identify_process);
        if (packets_) {
            packets_->add_to(sample);
        }
        if (request.tree != nullptr) {
            place_others(sample);
        }
        if (const auto note = peers_ ? peers_->note() : std::nullopt) {
            sample.notes.push_back(*note);
        }
        faults.interrupted = request.interrupt->signal() != 0;
        const std::vector<Note> notes = notes_of(faults);
        sample.notes.insert(sample.notes.end(), notes.begin(), notes.end());
        if (windows_ == Tally::Windows::many) {
            tally_.forget_window();
            if (packets_) {
                packets_->forget_window();
            }
        }
        result.viewer = {Uid{::geteuid()}, is_denied};
        return result;
    }

    std::string variant() const override { return tally_.variant(); }
    std::vector<Note> limits() const override
    {
        Peers peers(tally_.peer_maps());
        peers.attach();
        const auto note = peers.note();
        return note ? std::vector{*note} : std::vector<Note>{};
    }

private:
    /// Adds the flows of the last window to the sample. Returns what the programs could not see.
    EbpfFaults add_flows(Sample& sample)
    {
        TallyFlows flows(sample, detail_);
        for (const auto& [slot, counters] : tally_.counters()) {
            flows.add(slot, counters);
        }
        for (const auto& [key, flow] : tally_.flows()) {
            flows.add(key, flow);
        }
        if (keeps_facts_) {
            flows.add_facts(tally_.connections());
        }
        flows.add_the_rest();
        EbpfFaults faults = tally_.faults();
        faults.foreign_processes = flows.foreign_processes();
        faults.too_many_processes = flows.has_overflowed();
        return faults;
    }

    /// Sets Process::trees of processes that hold sockets but moved no bytes, and of processes whose marks may be lost.
    void place_others(Sample& sample) const
    {
        for (Process& process : sample.processes) {
            if (!process.trees || (process.trees == 0U && tally_.has_lost_marks())) {
                process.trees = tally_.trees_of(process.pid);
            }
        }
    }

    /// Waits for programs that still count for the ended window. If several windows are measured, all these programs
    /// must have ended, because a later window uses the same buffer.
    void wait_for_those_under_way() const
    {
        constexpr auto usually_over = std::chrono::milliseconds(1);
        if (windows_ == Tally::Windows::many) {
            wait_for_programs();
        } else {
            std::this_thread::sleep_for(usually_over);
        }
    }

    Tally tally_;
    Tally::Detail detail_;
    Tally::Windows windows_;
    bool keeps_facts_;
    std::optional<Packets> packets_;
    std::optional<Peers> peers_;
    InterfaceCounters interfaces_;
    WindowClock clock_;
};

} // namespace

OpenResult open_ebpf(const BackendOptions& options)
{
    if (options.totals) {
        return open_ebpf_totals(options);
    }
    // Packets and facts are counted per socket. To assign them to processes, Tally must report which process used which
    // socket.
    const bool per_socket = options.packets || options.facts;
    const auto without_tuples = per_socket ? Tally::Detail::sockets : Tally::Detail::processes;
    const auto with_tuples = options.peers ? Tally::Detail::peers : Tally::Detail::tuples;
    const auto detail = options.tuples ? with_tuples : without_tuples;
    const auto windows = options.repeated ? Tally::Windows::many : Tally::Windows::one;
    const auto trees = options.trees ? Tally::Trees::watched : Tally::Trees::none;
    const auto facts = options.facts ? Tally::Facts::kept : Tally::Facts::left_out;
    auto loaded = Tally::load(detail, windows, trees, facts);
    if (auto* refusal = std::get_if<Unavailable>(&loaded)) {
        return std::move(*refusal);
    }
    return std::make_unique<EbpfBackend>(std::get<Tally>(std::move(loaded)), detail, windows, options);
}

} // namespace socktally
