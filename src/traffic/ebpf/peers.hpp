// SPDX-License-Identifier: MIT
// Loads and attaches the hooks that see the remote end of each datagram (peers.bpf.c). If the kernel rejects the hooks,
// the remote ends of unconnected datagram sockets stay unknown, and a note says why.
#pragma once

#include "linux/fd.hpp"
#include "model/sample.hpp"
#include "traffic/backend.hpp"
#include "traffic/ebpf/tally.hpp"

#include <array>
#include <optional>

namespace socktally {

class Peers {
public:
    explicit Peers(Tally::PeerMaps maps);

    /// Attaches the hooks. Attach the programs of Tally first, because they clear the entries that the hooks write.
    void attach();
    /// Returns a note that says why remote ends are unknown; null if all are known.
    std::optional<Note> note() const;

private:
    static constexpr std::size_t count = 5;

    std::optional<Unavailable> load(Tally::PeerMaps maps);

    Fd root_;
    bool sees_all_ = true;
    std::array<Fd, count> programs_;
    std::array<Fd, count> links_;
    std::optional<Unavailable> refusal_;
};

} // namespace socktally
