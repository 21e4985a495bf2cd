// SPDX-License-Identifier: MIT
// The kernel hands over a block by setting TP_STATUS_USER in the header of the block. PacketRing gives the block back
// by clearing the flag.
#include "traffic/packet/ring.hpp"

#include "linux/error.hpp"
#include "traffic/packet/frame.hpp"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

namespace socktally {

namespace {

constexpr std::uint32_t nothing = 0;
/// Numbers of bytes that the filter keeps of a packet. plain_v4 and plain_v6 have room for a UDP header, or for a TCP
/// header without its options.
constexpr std::uint32_t plain_v4 = ETH_HLEN + 20 + 20;
constexpr std::uint32_t plain_v6 = ETH_HLEN + 40 + 20;
constexpr std::uint32_t with_options = ETH_HLEN + 2 * 4 + 60 + 20;
constexpr std::uint32_t with_extensions = 384;
constexpr std::uint32_t whole_packet = 0x40000;

/// A jump in classic BPF reaches past at most 255 instructions. If the user has chosen more than 200 interfaces,
/// PacketWatch does the filtering.
constexpr std::size_t most_wanted = 200;

/// Leaves room for the rest of the program below the kernel's limit of 4096 (BPF_MAXINSNS).
constexpr std::size_t most_for_interfaces = 3000;

/// `network`: where the program finds the IP header. From Ethernet it counts from the beginning of the packet: before
/// Linux 6.16 (d4bac0288a2b), a load relative to SKF_NET_OFF fails if the IP header is in a page of its own, as some
/// drivers have it, and the packet is dropped. For other links the program does not know the length of the link header.
class Program {
public:
    explicit Program(int network = SKF_NET_OFF) : network_(network) {}
    void load_ancillary(int what) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + what)); }
    /// Loads the type of an Ethernet frame, as it stands in the frame.
    void load_frame_type() { add(BPF_LD | BPF_H | BPF_ABS, static_cast<std::uint32_t>(2 * ETH_ALEN)); }
    /// Loads a byte of the IP header.
    void load_ip(int offset) { add(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(network_ + offset)); }
    /// Loads two bytes of the IP header, or of what follows it.
    void load_ip_word(int offset) { add(BPF_LD | BPF_H | BPF_ABS, static_cast<std::uint32_t>(network_ + offset)); }
    void load_ip_address(int offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(network_ + offset)); }
    /// Loads two bytes of what follows an IPv4 header, whatever its length.
    void load_after_v4(int offset)
    {
        add(BPF_LDX | BPF_B | BPF_MSH, static_cast<std::uint32_t>(network_));
        add(BPF_LD | BPF_H | BPF_IND, static_cast<std::uint32_t>(network_ + offset));
    }
    void drop_if_any(std::uint32_t bits)
    {
        instructions_.push_back({BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits});
        keep(nothing);
    }
    void keep(std::uint32_t size) { add(BPF_RET | BPF_K, size); }
    void keep_if(std::uint32_t value, std::uint32_t size)
    {
        jump(value, 0, 1);
        keep(size);
    }
    void skip_if(std::uint32_t value, std::uint8_t count) { jump(value, count, 0); }
    /// Skips the next `count` instructions unless the loaded value is `value`.
    void skip_unless(std::uint32_t value, std::uint8_t count) { jump(value, 0, count); }

    /// Skips any number of instructions.
    void skip(std::size_t count) { add(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(count)); }
    void append(const Program& part)
    {
        instructions_.insert(instructions_.end(), part.instructions_.begin(), part.instructions_.end());
    }

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

    int network_;
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

void add_whole(Program& program, const std::vector<std::uint16_t>& ports)
{
    for (const std::uint16_t port : ports) {
        program.keep_if(port, whole_packet);
    }
}

/// Adds instructions that keep the packet if the loaded port is one of those that the plan reads.
void add_port(Program& program, const FilterPlan& plan)
{
    add_whole(program, plan.read);
    program.keep_if(plan.watched, with_options);
}

/// Keeps the packets of some ports. Later fragments have no ports; nothing is read of them.
void add_ports_v4(Program& program, const FilterPlan& plan)
{
    constexpr int position = 6;
    constexpr int protocol = 9;
    constexpr std::uint32_t offset_mask = 0x1fff;
    constexpr int source = 12;
    constexpr int address_size = 4;
    constexpr std::uint32_t docker_address = 0x7f00000b; // 127.0.0.11
    program.load_ip(protocol);
    program.keep_if(IPPROTO_AH, whole_packet);
    program.skip_if(IPPROTO_UDP, 2);
    program.skip_if(IPPROTO_TCP, 1);
    program.keep(nothing);
    program.load_ip_word(position);
    program.drop_if_any(offset_mask);
    for (const int port : {0, 2}) { // source, destination
        program.load_after_v4(port);
        add_port(program, plan);
        if (!plan.docker.empty()) {
            program.load_ip_address(source + port / 2 * address_size);
            program.skip_unless(docker_address, static_cast<std::uint8_t>(2 + 2 * plan.docker.size()));
            program.load_after_v4(port); // two instructions
            add_whole(program, plan.docker);
        }
    }
    program.keep(nothing);
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

/// Keeps the packets of some ports, and all with extension headers, which hide the ports.
void add_ports_v6(Program& program, const FilterPlan& plan)
{
    constexpr int next_header = 6;
    constexpr int header_size = 40;
    program.load_ip(next_header);
    for (const std::uint32_t header : extension_headers) {
        program.keep_if(header, whole_packet);
    }
    program.skip_if(IPPROTO_UDP, 2);
    program.skip_if(IPPROTO_TCP, 1);
    program.keep(nothing);
    for (const int port : {0, 2}) {
        program.load_ip_word(header_size + port);
        add_port(program, plan);
    }
    program.keep(nothing);
}

/// Returns the instructions for packets of both IP versions, whose IP header is at `network`.
Program ip_program(const FilterPlan& plan, int network)
{
    Program both(network);
    for (const std::uint16_t family : {std::uint16_t{ETH_P_IP}, std::uint16_t{ETH_P_IPV6}}) {
        Program part(network);
        const bool is_v4 = family == ETH_P_IP;
        if (plan.read.empty()) {
            is_v4 ? add_v4(part, plan.udp_only) : add_v6(part, plan.udp_only);
        } else {
            is_v4 ? add_ports_v4(part, plan) : add_ports_v6(part, plan);
        }
        both.load_ancillary(SKF_AD_PROTOCOL);
        both.skip_unless(family, static_cast<std::uint8_t>(part.size()));
        both.append(part);
    }
    both.keep(nothing);
    return both;
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
        if (program.size() >= most_for_interfaces) {
            break; // PacketWatch filters the packets of the other skipped interfaces
        }
        program.keep_if(interface, nothing);
    }
    program.load_ancillary(SKF_AD_PROTOCOL);
    for (const std::uint32_t tag : vlan_tags) {
        program.keep_if(tag, plan.read.empty() ? with_extensions : whole_packet);
    }
    Program ethernet(ETH_HLEN);
    ethernet.load_frame_type(); // of a VLAN interface with reorder_hdr off, the kernel puts the tag back into the frame
    for (const std::uint32_t tag : vlan_tags) {
        ethernet.keep_if(tag, plan.read.empty() ? with_extensions : whole_packet);
    }
    ethernet.append(ip_program(plan, ETH_HLEN));
    program.load_ancillary(SKF_AD_HATYPE);
    program.skip_if(ARPHRD_ETHER, 2);
    program.skip_if(ARPHRD_LOOPBACK, 1);
    program.skip(ethernet.size());
    program.append(ethernet);
    program.append(ip_program(plan, SKF_NET_OFF));
    return program.take();
}

namespace {

/// The kernel moves on to the next block after block_wait_ms, even if the current block is nearly empty. So even with
/// little traffic, a ring of N blocks is full after N times block_wait_ms. It must be read before that.
constexpr std::size_t usual_blocks = 32;
constexpr std::size_t fewest_blocks = 16;

/// Returns the size of a block in bytes. It is a power of two, so that a block is a whole number of pages.
std::size_t block_size_for(std::size_t buffer_bytes)
{
    const std::size_t smallest = std::max(std::size_t{16} << 10, static_cast<std::size_t>(::getpagesize()));
    constexpr std::size_t largest = std::size_t{256} << 10;
    return std::clamp(std::bit_floor(buffer_bytes / usual_blocks), smallest, largest);
}

template <typename Value>
void set_option(const Fd& fd, int name, const Value& value, const char* what)
{
    if (::setsockopt(fd.get(), SOL_PACKET, name, &value, sizeof value) != 0) {
        throw errno_error(what);
    }
}

template <typename Header>
bool read_header(std::span<const std::byte> bytes, std::size_t offset, Header& header)
{
    if (offset > bytes.size() || bytes.size() - offset < sizeof header) {
        return false;
    }
    std::memcpy(&header, bytes.data() + offset, sizeof header);
    return true;
}

std::atomic_ref<std::uint32_t> status_of(std::span<std::byte> block)
{
    constexpr std::size_t offset = offsetof(tpacket_block_desc, hdr) + offsetof(tpacket_hdr_v1, block_status);
    return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(block.data() + offset));
}

bool is_ethernet(std::uint16_t hardware) { return hardware == ARPHRD_ETHER || hardware == ARPHRD_LOOPBACK; }

/// Reads the packet whose header is at `offset` in the block. Returns false if the header is invalid. On links other
/// than Ethernet, `captured` begins at the IP header.
bool read_frame(std::span<const std::byte> block, std::size_t offset, const tpacket3_hdr& header,
                CapturedFrame& captured)
{
    sockaddr_ll link{};
    if (!read_header(block, offset + TPACKET_ALIGN(sizeof header), link) || header.tp_net < header.tp_mac) {
        return false;
    }
    const bool ethernet = is_ethernet(link.sll_hatype);
    const std::size_t skipped = ethernet ? 0 : std::size_t{header.tp_net} - header.tp_mac;
    const std::size_t begin = offset + header.tp_mac;
    if (begin > block.size() || block.size() - begin < header.tp_snaplen || skipped > header.tp_snaplen) {
        return false;
    }
    captured.frame.bytes = block.subspan(begin + skipped, header.tp_snaplen - skipped);
    captured.frame.length = std::max(header.tp_len, header.tp_snaplen) - skipped;
    captured.frame.link = ethernet ? LinkLayer::ethernet : LinkLayer::none;
    captured.frame.is_tagged =
        (header.tp_status & TP_STATUS_VLAN_VALID) != 0 && (header.hv1.tp_vlan_tci & vlan_mask) != 0;
    captured.time = std::chrono::seconds(header.tp_sec) + std::chrono::nanoseconds(header.tp_nsec);
    captured.interface = static_cast<std::uint32_t>(link.sll_ifindex);
    captured.type = link.sll_pkttype;
    captured.loopback = link.sll_hatype == ARPHRD_LOOPBACK;
    return true;
}

} // namespace

PacketRing::PacketRing(std::size_t buffer_bytes)
    : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)), block_size_(block_size_for(buffer_bytes)),
      blocks_(std::max(fewest_blocks, (buffer_bytes + block_size_ - 1) / block_size_))
{
    if (!fd_) {
        throw errno_error("cannot open a packet socket");
    }
    set_option(fd_, PACKET_VERSION, static_cast<int>(TPACKET_V3), "cannot use TPACKET_V3");
    constexpr unsigned frame_size = 2048; // must be set, but has no effect in TPACKET_V3
    tpacket_req3 request{};
    request.tp_block_size = static_cast<unsigned>(block_size_);
    request.tp_block_nr = static_cast<unsigned>(blocks_);
    request.tp_frame_size = frame_size;
    request.tp_frame_nr = static_cast<unsigned>(block_size_ / frame_size * blocks_);
    request.tp_retire_blk_tov = block_wait_ms;
    set_option(fd_, PACKET_RX_RING, request, "cannot make a capture buffer");
    const std::size_t size = block_size_ * blocks_;
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (memory == MAP_FAILED) {
        throw errno_error("cannot map the capture buffer");
    }
    ::madvise(memory, size, MADV_DONTFORK); // a forked helper process must not keep the socket open
    memory_ = {static_cast<std::byte*>(memory), size};
}

PacketRing::~PacketRing() { ::munmap(memory_.data(), memory_.size()); }

void PacketRing::set_filter(std::span<const sock_filter> program) const
{
    sock_fprog filter{};
    filter.len = static_cast<unsigned short>(program.size());
    filter.filter = const_cast<sock_filter*>(program.data()); // the kernel does not write to the program
    if (::setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0) {
        throw errno_error("cannot filter packets");
    }
}

void PacketRing::start() const
{
    sockaddr_ll any{};
    any.sll_family = AF_PACKET;
    any.sll_protocol = htons(ETH_P_ALL);
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
        throw errno_error("cannot capture packets");
    }
}

std::span<std::byte> PacketRing::block(std::size_t index) const
{
    return memory_.subspan(index * block_size_, block_size_);
}

std::optional<PacketRing::Frames> PacketRing::ready_block() const
{
    const auto current = block(next_);
    if ((status_of(current).load(std::memory_order_acquire) & TP_STATUS_USER) == 0) {
        return std::nullopt;
    }
    return Frames(current);
}

void PacketRing::release_block()
{
    status_of(block(next_)).store(TP_STATUS_KERNEL, std::memory_order_release);
    next_ = (next_ + 1) % blocks_;
}

bool PacketRing::next(CapturedFrame& captured, std::size_t& blocks, std::chrono::nanoseconds end)
{
    while (blocks > 0 && (begun_ || (begun_ = ready_block()))) {
        if (begun_->next(captured, end)) {
            return true;
        }
        if (begun_->is_stopped()) {
            return false;
        }
        begun_.reset();
        release_block();
        --blocks;
    }
    return false;
}

PacketRing::Frames::Frames(std::span<const std::byte> block) : block_(block)
{
    tpacket_block_desc description{};
    read_header(block, 0, description);
    offset_ = description.hdr.bh1.offset_to_first_pkt;
    left_ = description.hdr.bh1.num_pkts;
}

/// Also returns false if a packet header is invalid. The kernel never writes such a header.
bool PacketRing::Frames::next(CapturedFrame& captured, std::chrono::nanoseconds end)
{
    tpacket3_hdr packet{};
    stopped_ = false;
    if (left_ == 0 || !read_header(block_, offset_, packet) || !read_frame(block_, offset_, packet, captured)) {
        return false;
    }
    if (captured.time >= end) {
        stopped_ = true;
        return false;
    }
    --left_;
    offset_ += packet.tp_next_offset;
    return true;
}

bool PacketRing::has_more() const
{
    constexpr std::size_t offset = offsetof(tpacket_block_desc, hdr) + offsetof(tpacket_hdr_v1, num_pkts);
    auto* packets = reinterpret_cast<std::uint32_t*>(block(next_).data() + offset);
    return std::atomic_ref(*packets).load(std::memory_order_acquire) != 0;
}

std::uint32_t PacketRing::new_drops() const
{
    tpacket_stats_v3 statistics{};
    socklen_t size = sizeof statistics;
    if (::getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0) {
        throw errno_error("cannot read how many packets were dropped");
    }
    return statistics.tp_drops;
}

} // namespace socktally
