// SPDX-License-Identifier: MIT
// Packets of DNS, one after another, as datagrams and as segments of TCP, over several windows. Each begins with a byte
// of flags, one of the sequence number, and one of the length.
#include "fuzz.hpp"
#include "traffic/packet/dns_lookups.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

using namespace socktally;

namespace {

constexpr unsigned is_tcp = 1;
constexpr unsigned is_answer = 2;
constexpr unsigned is_syn = 4;
constexpr unsigned is_end = 8;
constexpr unsigned ends_window = 16;
constexpr unsigned to_group = 32;
constexpr unsigned is_fragment = 64;
constexpr unsigned is_passing = 128;

Packet packet_of(unsigned flags, unsigned sequence, std::size_t length)
{
    static const Address here = parse_address("10.0.0.1").value();
    static const Address resolver = parse_address("10.0.0.53").value();
    static const Address group = parse_address("224.0.0.251").value();
    Packet packet;
    packet.protocol = (flags & is_tcp) != 0 ? Protocol::tcp : Protocol::udp;
    packet.source = {here, 40000};
    packet.destination = (flags & to_group) != 0 ? Endpoint{group, 5353} : Endpoint{resolver, 53};
    if ((flags & is_answer) != 0) {
        std::swap(packet.source, packet.destination);
    }
    packet.tcp.sequence = 0xffffff80U + sequence; // wraps round
    packet.tcp.flags = static_cast<std::uint8_t>(((flags & is_syn) != 0 ? TcpHeader::syn : 0) |
                                                 ((flags & is_end) != 0 ? TcpHeader::fin : 0));
    packet.payload_bytes = static_cast<std::uint32_t>(length);
    if ((flags & is_fragment) != 0) {
        packet.fragment = Fragment{1, 0, true};
    }
    return packet;
}

} // namespace

FUZZ_DRIVER(dns_lookups)
{
    constexpr std::size_t head = 3;
    const auto memory = std::make_shared<DnsMemory>();
    DnsLookups lookups(memory);
    Sample sample;
    std::chrono::seconds now(1);
    std::size_t bytes = 0;
    const auto finish = [&](DnsLookups::Rest rest) {
        const std::size_t before = sample.lookups.size();
        for (const auto& [source, destination] : {std::pair<unsigned, unsigned>{0, 0}, {is_tcp, 0}, {0, to_group}}) {
            const Packet asked = packet_of(source | destination, 0, 0);
            DnsAsker asker;
            asker.flow.tuple = {asked.protocol, asked.source, asked.destination};
            lookups.set_asker(asker.flow.tuple, {}, asker);
        }
        lookups.finish({now, rest}, sample, [](DnsAsker&) {});
        require(sample.lookups.size() >= before);
        lookups.next_window();
    };
    while (input.size() >= head) {
        const auto flags = std::to_integer<unsigned>(input[0]);
        const auto sequence = std::to_integer<unsigned>(input[1]);
        const auto length = std::min(std::to_integer<std::size_t>(input[2]), input.size() - head);
        Packet packet = packet_of(flags, sequence, length);
        packet.time = now;
        const Direction direction = (flags & is_passing) != 0 ? Direction::received : Direction::looped;
        lookups.add(packet, input.subspan(head, length), direction);
        input = input.subspan(head + length);
        bytes += length;
        now += std::chrono::seconds(1);
        if ((flags & ends_window) != 0) {
            finish(DnsLookups::Rest::waits);
        }
    }
    finish(DnsLookups::Rest::is_given);
    require(memory->used == 0);
    constexpr std::size_t shortest = 5; // a question for the root
    require(sample.lookups.size() <= bytes / shortest);
    for (const SampleLookup& lookup : sample.lookups) {
        require(lookup.flow < sample.flows.size() && lookup.what->lookups == 1);
        require(lookup.what->answered + lookup.what->failed <= 2 &&
                lookup.what->times_us.size() == lookup.what->answered);
    }
}
