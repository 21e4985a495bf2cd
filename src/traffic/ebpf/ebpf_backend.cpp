// SPDX-License-Identifier: MIT
#include "traffic/ebpf/ebpf_backend.hpp"

#include "linux/interrupt.hpp"
#include "traffic/ebpf/grace_period.hpp"
#include "traffic/ebpf/notes.hpp"
#include "traffic/ebpf/packet_source.hpp"
#include "traffic/ebpf/peers.hpp"
#include "traffic/ebpf/tally.hpp"
#include "traffic/ebpf/tally_flows.hpp"
#include "traffic/ebpf/totals_backend.hpp"
#include "traffic/interfaces.hpp"
#include "traffic/wait.hpp"
#include "traffic/window_clock.hpp"

#include <unistd.h>

#include <optional>
#include <thread>

namespace socktally {

namespace {

class EbpfBackend final : public Backend {
public:
    EbpfBackend(Tally tally, Tally::Detail detail, Tally::Windows windows, PacketSource packets)
        : tally_(std::move(tally)), detail_(detail), windows_(windows), packets_(std::move(packets))
    {
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
            tally_.start();
            packets_.start();
            interfaces_ = read_interfaces();
        }
        wait_until(clock_.begin(request.window), request);
        sample.interfaces = take_interface_deltas(interfaces_);
        packets_.end_window();
        tally_.end_window();
        clock_.end(sample, how_ended(request));
        wait_for_those_under_way();

        EbpfFaults faults = add_flows(sample);
        packets_.add_to(sample);
        if (const auto note = peers_ ? peers_->note() : std::nullopt) {
            sample.notes.push_back(*note);
        }
        faults.interrupted = request.interrupt->signal() != 0;
        const std::vector<Note> notes = notes_of(faults);
        sample.notes.insert(sample.notes.end(), notes.begin(), notes.end());
        if (windows_ == Tally::Windows::many) {
            tally_.forget_window();
            packets_.forget_window();
        }
        result.viewer = {Uid{::geteuid()}, false};
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
    /// Adds what was counted, and tells what could not be.
    EbpfFaults add_flows(Sample& sample) const
    {
        TallyFlows flows(sample, detail_);
        for (const auto& [index, cell] : tally_.cells()) {
            flows.add(index, cell);
        }
        for (const auto& [key, flow] : tally_.flows()) {
            flows.add(key, flow);
        }
        flows.add_the_rest();
        EbpfFaults faults = tally_.faults();
        faults.foreign_processes = flows.foreign_processes();
        faults.too_many_processes = flows.has_overflowed();
        return faults;
    }

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
    std::optional<Peers> peers_;
    std::vector<InterfaceTraffic> interfaces_;
    WindowClock clock_;
};

} // namespace

OpenResult open_ebpf(const BackendOptions& options)
{
    if (options.totals) {
        return open_totals(options);
    }
    // Packets are counted per socket, so they need to be told which processes used which.
    const auto without_tuples = options.packets ? Tally::Detail::sockets : Tally::Detail::processes;
    const auto with_tuples = options.peers ? Tally::Detail::peers : Tally::Detail::tuples;
    const auto detail = options.tuples ? with_tuples : without_tuples;
    const auto windows = options.repeated ? Tally::Windows::many : Tally::Windows::one;
    auto loaded = Tally::load(detail, windows);
    if (auto* refusal = std::get_if<Unavailable>(&loaded)) {
        return std::move(*refusal);
    }
    auto packets = options.packets ? PacketSource(windows) : PacketSource();
    return std::make_unique<EbpfBackend>(std::get<Tally>(std::move(loaded)), detail, windows, std::move(packets));
}

} // namespace socktally
