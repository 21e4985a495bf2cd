// SPDX-License-Identifier: MIT
// What packets look like on their way, and the payload is the same all the same: fragments, extension headers.
#include "exact.hpp"

#include <netinet/in.h>

#include <array>

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

} // namespace

TEST_CASE("packet: UDP in fragments over veth, v4 and v6, both ends")
{
    TRUTH_EXACT_OR_PACKETS();
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
    TRUTH_EXACT_OR_PACKETS();
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
