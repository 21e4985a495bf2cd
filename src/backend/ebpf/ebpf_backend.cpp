// SPDX-License-Identifier: MIT
#include "backend/ebpf/ebpf_backend.hpp"

#include "backend/ebpf/bpf_process.hpp"
#include "backend/ebpf/flow_tuple.hpp"
#include "backend/ebpf/grace_period.hpp"
#include "backend/ebpf/packets.hpp"
#include "backend/ebpf/tally.hpp"
#include "backend/ebpf/totals_backend.hpp"
#include "backend/interfaces.hpp"
#include "backend/wait.hpp"
#include "backend/window_clock.hpp"
#include "sys/file.hpp"
#include "sys/interrupt.hpp"
#include "sys/proc.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <unordered_map>

namespace socktally {

namespace {

/// It may have become another program since its first byte.
void refresh_name(Process& process)
{
    constexpr std::size_t limit = 4096;
    std::string buffer;
    const auto text = read_file(AT_FDCWD, fmt::format("/proc/{}/stat", process.pid.value).c_str(), buffer, limit);
    const auto stat = text ? parse_proc_stat(*text) : std::nullopt;
    if (stat && stat->start_ticks == process.start_time.ticks) {
        process.name = stat->name;
    }
}

/// The flows and processes of a sample, as the cells come in.
class Collector {
public:
    Collector(Sample& sample, Tally::Detail detail) : sample_(sample), detail_(detail) {}

    void add(std::uint32_t index, const tally_cell& cell)
    {
        Attribution attribution{std::nullopt, Cause::unknown, Quality::unknown};
        if (index == TALLY_KERNEL_CELL) {
            attribution.cause = Cause::kernel;
        } else if (index >= TALLY_FIRST_CELL && cell.tgid != 0) {
            attribution = {static_cast<std::uint32_t>(sample_.processes.size()), Cause::none, Quality::exact};
            Process& process = sample_.processes.emplace_back(
                process_of(static_cast<std::int32_t>(cell.tgid), cell.start_ns, cell.uid, cell.name));
            process.cgroup_id = cell.cgroup_id;
            process.netns = Inode{cell.netns};
            refresh_name(process);
        }
        foreign_processes_ += index >= TALLY_FIRST_CELL && cell.tgid == 0 ? 1 : 0;
        cells_.emplace(index, Left{attribution, cell.rx_bytes, cell.tx_bytes, cell.sockets});
    }

    void add(const tally_flow_key& key, const tally_flow& flow)
    {
        const auto cell = cells_.find(key.cell);
        if (cell == cells_.end()) {
            return;
        }
        Flow& result = append(cell->second.attribution, flow.rx_bytes, flow.tx_bytes);
        result.tuple = tuple_of(flow);
        result.cookie = Cookie{key.cookie};
        result.uid = Uid{flow.uid};
        result.netns = Inode{flow.netns};
        result.interface = flow.interface;
        result.accepted = flow.accepted != 0;
        cell->second.rx_bytes -= std::min(cell->second.rx_bytes, flow.rx_bytes);
        cell->second.tx_bytes -= std::min(cell->second.tx_bytes, flow.tx_bytes);
    }

    /// What no flow has taken: everything in a sample of processes, what found no room in one of sockets.
    void add_the_rest()
    {
        for (const auto& [index, left] : cells_) {
            if (left.rx_bytes != 0 || left.tx_bytes != 0) {
                Flow& rest = append(left.attribution, left.rx_bytes, left.tx_bytes);
                rest.sockets = detail_ == Tally::Detail::processes ? std::max(left.sockets, 1U) : 1;
            }
        }
    }

    /// Processes that have no pid in our namespace.
    std::size_t foreign_processes() const { return foreign_processes_; }

private:
    struct Left {
        Attribution attribution;
        std::uint64_t rx_bytes;
        std::uint64_t tx_bytes;
        std::uint32_t sockets;
    };

    Flow& append(const Attribution& attribution, std::uint64_t rx_bytes, std::uint64_t tx_bytes)
    {
        Flow& flow = sample_.flows.emplace_back();
        flow.attribution = attribution;
        flow.rx_bytes = rx_bytes;
        flow.tx_bytes = tx_bytes;
        if (attribution.process) {
            flow.uid = sample_.processes[*attribution.process].uid;
        }
        return flow;
    }

    Sample& sample_;
    Tally::Detail detail_;
    std::unordered_map<std::uint32_t, Left> cells_;
    std::size_t foreign_processes_ = 0;
};

void add_notes(Sample& sample, const Tally& tally, bool interrupted, bool processes_overflowed)
{
    if (interrupted) {
        sample.notes.push_back({"interrupted", "a signal ended the window early", "", true, Note::About::window});
    }
    if (processes_overflowed) {
        sample.notes.push_back({"too-many-processes",
                                "more processes moved bytes than there is room for: the rest is in [unknown]", "",
                                true});
    }
    if (tally.strange_namespaces() > 0) {
        sample.notes.push_back(
            {"other-netns",
             fmt::format("{} network namespace{} could not be entered: of connections that were there before, what "
                         "several threads read first at once may be missing",
                         tally.strange_namespaces(), tally.strange_namespaces() == 1 ? "" : "s"),
             "run socktally as root", true});
    }
    if (tally.unclaimed() > 0) {
        sample.notes.push_back(
            {"spliced-bytes",
             fmt::format("{} connections of other network namespaces were read by splice(2), which is not counted "
                         "for those that were there before",
                         tally.unclaimed()),
             "run socktally as root", true});
    }
    if (tally.had_no_room()) {
        sample.notes.push_back({"socket-memory",
                                "the kernel had no memory left for notes on some TCP sockets: what was read from them "
                                "by splice(2) is not counted, nor are all of them counted as connections",
                                "sysctl net.core.optmem_max=131072", true});
    }
    if (tally.missed_calls() > 0) {
        sample.notes.push_back(
            {"missed-calls",
             fmt::format("the BPF programs were not shown {} calls, which came while they were at work on "
                         "the same processor: those bytes are not counted",
                         tally.missed_calls()),
             "", true});
    }
    if (tally.flows_dropped() > 0) {
        sample.notes.push_back(
            {"too-many-sockets",
             "more sockets moved bytes than there is room for: the rest has a process but no addresses", "", true});
    }
}

/// Null: packets are not asked for.
using PacketSource = std::optional<std::variant<Packets, Unavailable>>;

void start(PacketSource& source)
{
    if (auto* packets = source ? std::get_if<Packets>(&*source) : nullptr) {
        if (auto refusal = packets->start()) {
            source = std::move(*refusal);
        }
    }
}

void end_window(PacketSource& source)
{
    if (auto* packets = source ? std::get_if<Packets>(&*source) : nullptr) {
        packets->end_window();
    }
}

void forget_window(PacketSource& source)
{
    if (auto* packets = source ? std::get_if<Packets>(&*source) : nullptr) {
        packets->forget_window();
    }
}

void add_packets(Sample& sample, Packets& packets)
{
    const bool is_all = packets.sees_all() && packets.dropped() == 0;
    const std::size_t shared = join_packets(sample, packets.sockets(), is_all ? Unlisted::none : Unlisted::unknown);
    if (shared > 0) {
        sample.notes.push_back(
            {"shared-packets",
             fmt::format("{} sockets were used by several processes, or connected to several places: their packets "
                         "are in [unknown]",
                         shared),
             "", false});
    }
    if (!packets.sees_all()) {
        sample.notes.push_back({"packets-partly",
                                "only a part of the control groups is in sight here: packets of sockets that belong "
                                "to others are not seen",
                                "run socktally outside of the container", true});
    }
    if (packets.dropped() > 0) {
        sample.notes.push_back(
            {"packets-dropped",
             fmt::format("{} packets of more sockets than there is room for are not counted", packets.dropped()), "",
             true});
    }
}

void add_packets(Sample& sample, PacketSource& source)
{
    if (!source) {
        return;
    }
    if (auto* packets = std::get_if<Packets>(&*source)) {
        add_packets(sample, *packets);
        return;
    }
    const auto& refusal = std::get<Unavailable>(*source);
    sample.notes.push_back({"no-packets", "packets are not counted: " + refusal.why, refusal.remedy, true});
}

class EbpfBackend final : public Backend {
public:
    EbpfBackend(Tally tally, Tally::Detail detail, Tally::Windows windows, PacketSource packets)
        : tally_(std::move(tally)), detail_(detail), windows_(windows), packets_(std::move(packets))
    {
    }

    BackendResult sample(const SampleRequest& request) override
    {
        BackendResult result;
        Sample& sample = result.sample;
        sample.backend = "ebpf";
        if (clock_.is_first()) {
            tally_.start();
            start(packets_);
            interfaces_ = read_interfaces();
        }
        wait_until(clock_.begin(request.window), request);
        sample.interfaces = take_interface_deltas(interfaces_);
        end_window(packets_);
        tally_.end_window();
        clock_.end(sample);
        wait_for_those_under_way();

        Collector collector(sample, detail_);
        bool overflowed = false;
        for (const auto& [index, cell] : tally_.cells()) {
            if (cell.rx_bytes != 0 || cell.tx_bytes != 0) {
                collector.add(index, cell);
                overflowed = overflowed || index == TALLY_OVERFLOW_CELL;
            }
        }
        for (const auto& [key, flow] : tally_.flows()) {
            collector.add(key, flow);
        }
        collector.add_the_rest();
        add_packets(sample, packets_);
        if (collector.foreign_processes() > 0) {
            sample.notes.push_back(
                {"other-pidns",
                 fmt::format("{} processes that moved bytes live in pid namespaces that are not visible here",
                             collector.foreign_processes()),
                 "run socktally outside of the container", false});
        }
        add_notes(sample, tally_, request.interrupt->signal() != 0, overflowed);
        if (windows_ == Tally::Windows::many) {
            tally_.forget_window();
            forget_window(packets_);
        }
        result.viewer = {Uid{::geteuid()}, false};
        return result;
    }

    std::string variant() const override { return tally_.variant(); }
    std::vector<Note> limits() const override { return {}; }

private:
    /// What counts for the window that is over. Where the next one reuses its room, not one may be left.
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
    PacketSource packets_;
    std::vector<InterfaceTraffic> interfaces_;
    WindowClock clock_;
};

} // namespace

OpenResult open_ebpf(const BackendOptions& options)
{
    if (options.totals) {
        return open_totals();
    }
    // Packets are counted per socket, so they need to be told which processes used which.
    const auto without_tuples = options.packets ? Tally::Detail::sockets : Tally::Detail::processes;
    const auto detail = options.tuples ? Tally::Detail::tuples : without_tuples;
    const auto windows = options.repeated ? Tally::Windows::many : Tally::Windows::one;
    auto loaded = Tally::load(detail, windows);
    if (auto* refusal = std::get_if<Unavailable>(&loaded)) {
        return std::move(*refusal);
    }
    PacketSource packets;
    if (options.packets) {
        packets = Packets::load(windows);
    }
    return std::make_unique<EbpfBackend>(std::get<Tally>(std::move(loaded)), detail, windows, std::move(packets));
}

} // namespace socktally
