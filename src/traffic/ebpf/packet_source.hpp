// SPDX-License-Identifier: MIT
// The packets of a sample, where they are asked for and the kernel takes the programs that count them.
#pragma once

#include "model/sample.hpp"
#include "traffic/ebpf/packets.hpp"

#include <optional>
#include <variant>

namespace socktally {

class PacketSource {
public:
    /// Not asked for.
    PacketSource() = default;
    explicit PacketSource(Tally::Windows windows) : packets_(Packets::load(windows)) {}

    /// These do what those of Packets do.
    void start();
    void end_window();
    void forget_window();

    /// Adds what was counted in the window that is over, or why nothing was.
    void add_to(Sample& sample);

private:
    Packets* packets() { return packets_ ? std::get_if<Packets>(&*packets_) : nullptr; }

    std::optional<std::variant<Packets, Unavailable>> packets_;
};

} // namespace socktally
