// SPDX-License-Identifier: MIT
// Captured frames, one after another, through the parser into a table of flows. Each begins with a byte of length, one
// of flags, and two that say how much longer than captured it is.
#include "fuzz.hpp"
#include "traffic/packet/flow_table.hpp"

#include <algorithm>

using namespace socktally;

namespace {

void add(FlowTable& table, const Frame& frame, unsigned flags, std::uint64_t& payload_bytes)
{
    Packet packet;
    if (parse_frame(frame, packet) != Verdict::packet) {
        return;
    }
    require(packet.protocol == Protocol::tcp || packet.protocol == Protocol::udp);
    require(packet.ip_bytes <= frame.length && packet.payload_bytes <= packet.ip_bytes);
    require(packet.source.address.family != Family::none && packet.destination.address.family != Family::none);
    require(!packet.is_later_fragment() || packet.source.port == 0);
    const Direction directions[] = {Direction::sent, Direction::received, Direction::looped};
    table.add(packet, directions[flags % 3], 1 + flags % 2);
    payload_bytes += 2 * packet.payload_bytes;
}

} // namespace

FUZZ_DRIVER(frame)
{
    constexpr std::size_t head = 4;
    FlowTable table;
    std::size_t frames = 0;
    std::uint64_t most = 0;
    while (input.size() >= head) {
        const auto length = std::to_integer<std::size_t>(input[0]);
        const auto flags = std::to_integer<unsigned>(input[1]);
        const auto more = std::to_integer<std::size_t>(input[2]) << 8 | std::to_integer<std::size_t>(input[3]);
        input = input.subspan(head);
        const auto captured = input.first(std::min(length, input.size()));
        input = input.subspan(captured.size());
        const auto link = (flags & 0x80) != 0 ? LinkLayer::none : LinkLayer::ethernet;
        add(table, {captured, captured.size() + more, link}, flags, most);
        ++frames;
        if ((flags & 0x40) != 0) {
            table.tick(static_cast<std::uint32_t>(frames));
            table.retire(static_cast<std::uint32_t>(frames / 2), [](const PacketFlow&) {});
        }
    }
    require(table.size() <= 2 * frames && table.unmatched_fragments() <= frames);
    std::uint64_t payload_bytes = 0;
    table.each([&](const PacketFlow& flow) { payload_bytes += flow.rx.payload_bytes + flow.tx.payload_bytes; });
    require(payload_bytes <= most);
}
