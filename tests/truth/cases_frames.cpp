// SPDX-License-Identifier: MIT
// What packets look like on their way, and the payload is the same all the same: fragments, extension headers, VLAN
// tags.
#include "messages.hpp"
#include "packets.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>

#include <array>
#include <cstring>

using namespace truth;

namespace {

constexpr int datagrams = 30; // no more than a receive buffer holds

/// "t-left" here and "t-right" there send each other datagrams of these sizes.
void start_talk(Stage& stage, const Place& far, const At& left, const At& right, std::size_t up, std::size_t down,
                const std::function<void(int fd)>& prepare = {})
{
    const auto talk = [=](const At& own, const At& peer, std::size_t size) {
        return [=](Self& self) {
            const int fd = self.udp(own);
            if (prepare) {
                prepare(fd);
            }
            self.step();
            for (int count = 0; count < datagrams; ++count) {
                self.send_datagram(fd, peer, size);
                self.receive_datagram(fd);
            }
        };
    };
    stage.start("t-left", talk(left, right, up));
    stage.start("t-right", far, talk(right, left, down));
}

/// Pads every packet of a socket with a destination options header, of 8 bytes: the receiver drops longer padding.
void add_options(int fd)
{
    constexpr std::array<unsigned char, 8> padding{0, 0, 1, 4}; // next header, length, PadN of 4
    must(::setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, padding.data(), padding.size()), "setsockopt IPV6_DSTOPTS");
}

using HardwareAddress = std::array<std::byte, ETH_ALEN>;

HardwareAddress hardware_address(const Netns& netns, const char* interface)
{
    const Inside inside(netns);
    const Fd socket(open_socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    must(::ioctl(socket.get(), SIOCGIFHWADDR, &request), "SIOCGIFHWADDR");
    HardwareAddress address{};
    std::memcpy(address.data(), request.ifr_hwaddr.sa_data, address.size());
    return address;
}

class FrameBytes {
public:
    template <typename Part>
    void add(const Part& part)
    {
        const auto* begin = reinterpret_cast<const std::byte*>(&part);
        bytes_.insert(bytes_.end(), begin, begin + sizeof part);
    }
    void add_number(std::uint16_t number) { add(htons(number)); }
    void add_zeros(std::size_t count) { bytes_.resize(bytes_.size() + count); }
    const std::vector<std::byte>& bytes() const { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

/// RFC 1071; of a header whose own field of it is 0.
std::uint16_t checksum(const iphdr& header)
{
    std::array<std::uint16_t, sizeof header / 2> words{};
    std::memcpy(words.data(), &header, sizeof header);
    std::uint32_t sum = 0;
    for (const std::uint16_t word : words) {
        sum += word;
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~(sum + (sum >> 16)));
}

/// Adds a datagram from far4 to near4. Its UDP header says that it is `said_size` long.
void add_datagram(FrameBytes& frame, std::size_t size, std::size_t said_size)
{
    iphdr ip{};
    ip.version = 4;
    ip.ihl = sizeof ip / 4;
    ip.tot_len = htons(static_cast<std::uint16_t>(header4 + header_udp + size));
    ip.ttl = 64;
    ip.protocol = IPPROTO_UDP;
    ip.saddr = ::inet_addr(far4);
    ip.daddr = ::inet_addr(near4);
    ip.check = checksum(ip);
    frame.add(ip);
    udphdr udp{};
    udp.source = htons(7002);
    udp.dest = htons(7001);
    udp.len = htons(static_cast<std::uint16_t>(header_udp + said_size));
    frame.add(udp);
    frame.add_zeros(size);
}

/// A datagram for the near end of the veth pair, behind tags of these kinds with priority alone (VLAN 0): the stack
/// takes such ones without a VLAN device.
std::vector<std::byte> frame_of(const HardwareAddress& to, const std::vector<std::uint16_t>& tags, std::size_t size,
                                std::size_t said_size)
{
    constexpr std::uint16_t priority = 3 << 13;
    FrameBytes frame;
    frame.add(to);
    frame.add(HardwareAddress{std::byte{2}});
    for (const std::uint16_t tag : tags) {
        frame.add_number(tag);
        frame.add_number(priority);
    }
    frame.add_number(ETHERTYPE_IP);
    add_datagram(frame, size, said_size);
    return frame.bytes();
}

/// "t-injector" sends the frame there, by no socket of UDP: it is no part of the truth.
void start_injector(Stage& stage, const Netns& far, const std::vector<std::byte>& frame)
{
    stage.start("t-injector", {.net = &far}, [=](Self& self) {
        const PacketSocket socket = packet_socket(SOCK_RAW, "far");
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            const auto* to = reinterpret_cast<const sockaddr*>(&socket.to);
            must(::sendto(socket.fd, frame.data(), frame.size(), 0, to, sizeof socket.to), "sendto");
        }
    });
}

} // namespace

/// Alone, because packets of others that no process holds a socket for any more cannot be judged by a filter.
TEST_CASE("packet: datagrams behind VLAN tags" * doctest::test_suite("alone"))
{
    TRUTH_DATAGRAMS();
    constexpr std::size_t size = 345;
    Stage stage;
    const Netns far;
    join(stage.netns(), far);
    std::vector<std::uint16_t> tags;
    SUBCASE("one") { tags = {ETH_P_8021Q}; }
    SUBCASE("two") { tags = {ETH_P_8021AD, ETH_P_8021Q}; }
    stage.start("t-reader", [](Self& self) {
        const int fd = self.udp({near4, 7001});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            self.receive_datagram(fd);
        }
    });
    start_injector(stage, far, frame_of(hardware_address(stage.netns(), "near"), tags, size, size));
    std::vector<std::string> arguments = packet_columns;
    arguments.insert(arguments.end(), {"--netns", "current"});
    const Measured measured = stage.measure({.arguments = arguments});
    check(measured);
    check_row(row_of(measured, "t-reader"), counts(datagrams, size), {0, 0});
}

TEST_CASE("packet: datagrams through a tun device, which has no Ethernet header, both ways")
{
    TRUTH_DATAGRAMS();
    constexpr std::size_t size = 345;
    constexpr std::size_t answer = 46;
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) {
        TRUTH_SKIP("there are no tun devices here");
    }
    Stage stage;
    stage.start("t-inside", [](Self& self) {
        const int fd = self.udp({"0.0.0.0", 7001});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            self.receive_datagram(fd);
            self.send_datagram(fd, {far4, 7002}, answer);
        }
    });
    stage.start("t-outside", [](Self& self) { // by no socket: it is no part of the truth
        const Fd tun = make_tun("tun", near4);
        FrameBytes packet;
        add_datagram(packet, size, size);
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            must(::write(tun.get(), packet.bytes().data(), packet.bytes().size()), "write to tun");
        }
        std::array<std::byte, 2000> answered{};
        for (int count = 0; count < datagrams;) { // IPv6 has something to say there too
            const ssize_t got = must(::read(tun.get(), answered.data(), answered.size()), "read from tun");
            count += got == header4 + header_udp + answer ? 1 : 0;
        }
    });
    const Measured measured = stage.measure({.arguments = packet_columns});
    check(measured);
    check_row(row_of(measured, "t-inside"), counts(datagrams, size), counts(datagrams, answer));
}

TEST_CASE("packet: malformed datagrams are counted, and nobody's")
{
    if (backend_name() == "ebpf" || !counts_datagrams()) {
        TRUTH_SKIP("it captures no packets");
    }
    constexpr std::size_t size = 50;
    Stage stage;
    const Netns far;
    join(stage.netns(), far);
    stage.start("t-reader", [](Self& self) {
        self.udp({near4, 7001});
        self.step();
    });
    start_injector(stage, far, frame_of(hardware_address(stage.netns(), "near"), {}, size, size + 1));
    const Measured measured = stage.measure({.arguments = {"--netns", "current"}});
    check(measured);
    INFO(describe(measured.report));
    CHECK(measured.report.has_note("packets-malformed"));
    CHECK(measured.report.text.find(std::to_string(datagrams) + " packets had wrong lengths") != std::string::npos);
}

TEST_CASE("packet: UDP in fragments over veth, v4 and v6, both ends")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    const Netns far;
    join(stage.netns(), far);
    SUBCASE("v4") { start_talk(stage, {.net = &far}, {near4, 7001}, {far4, 7002}, 20'000, 1473); }
    SUBCASE("v6") { start_talk(stage, {.net = &far}, {near6, 7001}, {far6, 7002}, 1453, 30'000); }
    SUBCASE("v4, seen from the other end")
    {
        start_talk(stage, {.net = &far}, {near4, 7001}, {far4, 7002}, 20'000, 1473);
        check(stage.measure({.place = Place{.net = &far}}));
        return;
    }
    check(stage.measure());
}

TEST_CASE("packet: UDP with extension headers, on loopback and over veth, in fragments too")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    const Netns far;
    join(stage.netns(), far);
    SUBCASE("loopback")
    {
        start_talk(stage, stage.place(), {"::1", 7001}, {"::1", 7002}, 1000, 77, add_options);
        check(stage.measure());
        return;
    }
    SUBCASE("veth") { start_talk(stage, {.net = &far}, {near6, 7001}, {far6, 7002}, 1000, 77, add_options); }
    SUBCASE("fragments") { start_talk(stage, {.net = &far}, {near6, 7001}, {far6, 7002}, 5000, 77, add_options); }
    check(stage.measure());
}
