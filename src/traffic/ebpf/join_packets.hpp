// SPDX-License-Identifier: MIT
// Which process's the packets are: those of a socket belong to the one process that moved payload through it in the
// window, whatever its other ends. Where none did, to the one that holds it; where several did or do, to nobody. Pure:
// no I/O.
#pragma once

#include "model/sample.hpp"
#include "traffic/ebpf/packets.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace socktally {

/// Sockets that had packets, by their cookies.
using PacketSockets = std::unordered_map<std::uint64_t, packets_socket>;

/// What is known of a socket that is not listed: that it had no packets, or nothing.
enum class Unlisted : std::uint8_t { none, unknown };

/// Fills `packets` of the sample's flows, and adds a flow for each socket whose packets none of them can take. The
/// number of sockets whose packets cannot be told apart by process or other end: one flow more has them.
std::size_t join_packets(Sample& sample, const PacketSockets& sockets, Unlisted unlisted);

} // namespace socktally
