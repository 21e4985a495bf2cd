// SPDX-License-Identifier: MIT
#include "linux/interfaces.hpp"

#include <doctest/doctest.h>

using namespace socktally;

namespace socktally {

static bool operator==(const InterfaceTraffic& a, const InterfaceTraffic& b)
{
    return a.name == b.name && a.rx_bytes == b.rx_bytes && a.tx_bytes == b.tx_bytes && a.rx_packets == b.rx_packets &&
           a.tx_packets == b.tx_packets;
}

} // namespace socktally

namespace {

using List = std::vector<InterfaceTraffic>;

constexpr std::string_view dev_text =
    R"(Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 140335221  192086    0    0    0     0          0         0 140335221  192086    0    0    0     0       0          0
  eth0: 68901115    1563    1    2    3     4          5         6    76682     862    0    0    0     0       0          0
eth0.100: 18446744073709551615    1    0    0    0     0          0         0        7       2    0    0    0     0       0          0
eth0:1:     111       0    0    0    0     0          0         0      222       0    0    0    0     0       0          0
br-0123456789ab:       1       0    0    0    0     0          0         0        2       0    0    0    0     0       0          0
)";

} // namespace

TEST_CASE("interfaces have a name and counters of bytes and packets both ways")
{
    CHECK(parse_interfaces(dev_text) == List{{"lo", 140335221, 140335221, 192086, 192086},
                                             {"eth0", 68901115, 76682, 1563, 862},
                                             {"eth0.100", UINT64_MAX, 7, 1, 2},
                                             {"eth0:1", 111, 222},
                                             {"br-0123456789ab", 1, 2}});
}

TEST_CASE("a name that looks like lo or like a number is a name")
{
    const std::string text = "\n\nlo0: 1 0 0 0 0 0 0 0 2\n 12: 3 0 0 0 0 0 0 0 4\nxlo: 5 0 0 0 0 0 0 0 6\n";
    CHECK(parse_interfaces(text) == List{{"lo0", 1, 2}, {"12", 3, 4}, {"xlo", 5, 6}});
}

TEST_CASE("lines without a colon and an empty text are no interfaces")
{
    CHECK(parse_interfaces("").empty());
    CHECK(parse_interfaces("one line").empty());
    CHECK(parse_interfaces("a\nb\nno colon here\n\n").empty());
}

TEST_CASE("a text cut anywhere is read without fault")
{
    for (std::size_t length = 0; length <= dev_text.size(); ++length) {
        const std::string cut(dev_text.substr(0, length));
        CHECK(parse_interfaces(cut).size() <= 5);
    }
}
