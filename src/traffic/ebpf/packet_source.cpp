// SPDX-License-Identifier: MIT
#include "traffic/ebpf/packet_source.hpp"

#include "traffic/ebpf/join_packets.hpp"

#include <fmt/format.h>

#include <utility>

namespace socktally {

namespace {

void add_packets(Sample& sample, Packets& packets)
{
    const bool is_all = packets.sees_all() && packets.dropped() == 0;
    const std::size_t shared = join_packets(sample, packets.sockets(), is_all ? Unlisted::none : Unlisted::unknown);
    if (shared > 0) {
        sample.notes.push_back(
            {"shared-packets",
             fmt::format("{} sockets were used by several processes, or have several other ends: their packets are in "
                         "[unknown], or in a row of the process without a remote end",
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

} // namespace

void PacketSource::start()
{
    if (packets() != nullptr) {
        if (auto refusal = packets()->start()) {
            packets_ = std::move(*refusal);
        }
    }
}

void PacketSource::end_window()
{
    if (packets() != nullptr) {
        packets()->end_window();
    }
}

void PacketSource::forget_window()
{
    if (packets() != nullptr) {
        packets()->forget_window();
    }
}

void PacketSource::add_to(Sample& sample)
{
    if (packets() != nullptr) {
        add_packets(sample, *packets());
    } else if (packets_) {
        const auto& refusal = std::get<Unavailable>(*packets_);
        sample.notes.push_back({"no-packets", "packets are not counted: " + refusal.why, refusal.remedy, true});
    }
}

} // namespace socktally
