// SPDX-License-Identifier: MIT
// Conditions are pairs "if A is this, return that", so that no jump is longer than the 255 instructions it can be.
#include "traffic/packet/filter.hpp"

#include "traffic/packet/frame.hpp"

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>

#include <array>
#include <utility>

namespace socktally {

namespace {

constexpr std::uint32_t nothing = 0;
constexpr std::uint32_t plain_v4 = ETH_HLEN + 20 + 20; // the whole of a UDP header, and of TCP all but its options
constexpr std::uint32_t plain_v6 = ETH_HLEN + 40 + 20;
constexpr std::uint32_t with_options = ETH_HLEN + 2 * 4 + 60 + 20;
constexpr std::uint32_t with_extensions = 384;

constexpr std::size_t most_wanted = 200; // so that a jump reaches past all of them; the reader leaves the rest out too

constexpr std::size_t most_instructions = 4000; // the kernel takes 4096 (BPF_MAXINSNS)

class Program {
public:
    void load_ancillary(int what) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + what)); }
    /// A byte of the IP header.
    void load_ip(int offset) { add(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(SKF_NET_OFF + offset)); }
    void keep(std::uint32_t size) { add(BPF_RET | BPF_K, size); }
    void keep_if(std::uint32_t value, std::uint32_t size)
    {
        jump(value, 0, 1);
        keep(size);
    }
    void skip_if(std::uint32_t value, std::uint8_t count) { jump(value, count, 0); }
    /// Where the value is another, past the next `count` instructions.
    void skip_unless(std::uint32_t value, std::uint8_t count) { jump(value, 0, count); }

    std::size_t size() const { return instructions_.size(); }
    std::vector<sock_filter> take() { return std::move(instructions_); }

private:
    void add(int code, std::uint32_t value)
    {
        instructions_.push_back({static_cast<std::uint16_t>(code), 0, 0, value});
    }
    void jump(std::uint32_t value, std::uint8_t if_equal, std::uint8_t otherwise)
    {
        instructions_.push_back({BPF_JMP | BPF_JEQ | BPF_K, if_equal, otherwise, value});
    }

    std::vector<sock_filter> instructions_;
};

void add_wanted(Program& program, const std::vector<std::uint32_t>& wanted)
{
    if (wanted.size() > most_wanted) {
        return;
    }
    for (std::size_t left = wanted.size(); left > 0; --left) {
        program.skip_if(wanted[wanted.size() - left], static_cast<std::uint8_t>(left));
    }
    if (!wanted.empty()) {
        program.keep(nothing);
    }
}

void add_v4(Program& program, bool udp_only)
{
    constexpr int version_and_length = 0;
    constexpr int protocol = 9;
    constexpr std::uint32_t without_options = 0x45;
    program.load_ip(protocol);
    program.keep_if(IPPROTO_AH, with_extensions);
    if (udp_only) {
        program.skip_if(IPPROTO_UDP, 1);
    } else {
        program.skip_if(IPPROTO_UDP, 2);
        program.skip_if(IPPROTO_TCP, 1);
    }
    program.keep(nothing);
    program.load_ip(version_and_length);
    program.keep_if(without_options, plain_v4);
    program.keep(with_options);
}

constexpr std::array<std::uint32_t, 8> extension_headers{IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_AH,
                                                         IPPROTO_DSTOPTS, ip6_mobility,    ip6_hip,          ip6_shim6};
constexpr std::array<std::uint32_t, 2> vlan_tags{ETH_P_8021Q, ETH_P_8021AD};

void add_v6(Program& program, bool udp_only)
{
    constexpr int next_header = 6;
    program.load_ip(next_header);
    program.keep_if(IPPROTO_UDP, plain_v6);
    if (!udp_only) {
        program.keep_if(IPPROTO_TCP, plain_v6);
    }
    for (const std::uint32_t header : extension_headers) {
        program.keep_if(header, with_extensions);
    }
    program.keep(nothing);
}

} // namespace

std::vector<sock_filter> packet_filter(const FilterPlan& plan)
{
    Program program;
    program.load_ancillary(SKF_AD_PKTTYPE);
    if (!plan.other_hosts) {
        program.keep_if(PACKET_OTHERHOST, nothing);
    }
    program.skip_unless(PACKET_OUTGOING, 3);
    program.load_ancillary(SKF_AD_HATYPE);
    program.keep_if(ARPHRD_LOOPBACK, nothing);
    program.load_ancillary(SKF_AD_IFINDEX);
    add_wanted(program, plan.wanted);
    for (const std::uint32_t interface : plan.skipped) {
        if (program.size() >= most_instructions) {
            break; // the reader leaves them out as well
        }
        program.keep_if(interface, nothing);
    }
    program.load_ancillary(SKF_AD_PROTOCOL);
    for (const std::uint32_t tag : vlan_tags) {
        program.keep_if(tag, with_extensions);
    }
    Program v4;
    add_v4(v4, plan.udp_only);
    program.skip_unless(ETH_P_IP, static_cast<std::uint8_t>(v4.size()));
    add_v4(program, plan.udp_only);
    Program v6;
    add_v6(v6, plan.udp_only);
    program.skip_unless(ETH_P_IPV6, static_cast<std::uint8_t>(v6.size()));
    add_v6(program, plan.udp_only);
    program.keep(nothing);
    return program.take();
}

} // namespace socktally
