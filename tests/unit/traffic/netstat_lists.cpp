// SPDX-License-Identifier: MIT
// The parsers of what netstat and lsof of macOS print. The golden cases macos-* have whole lists of each version; here
// are the single traps.
#include "traffic/netstat/interface_rows.hpp"
#include "traffic/netstat/lsof.hpp"
#include "traffic/netstat/socket_numbers.hpp"
#include "traffic/netstat/socket_rows.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace socktally;

namespace {

const std::string header_15 =
    "Active Internet connections (including servers)\n"
    "Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)          rxbytes      txbytes  rhiwat  "
    "shiwat    pid   epid state  options           gencnt    flags   flags1 usecnt rtncnt fltrs\n";
const std::string header_26 =
    "Active Internet connections (including servers)\n"
    "Proto Recv-Q Send-Q  Local Address                                 Foreign Address                               "
    "(state)          rxbytes      txbytes  rhiwat  shiwat          process:pid    state  options           gencnt    "
    "flags   flags1 usecnt rtncnt fltrs\n";
const std::string header_plain =
    "Active Internet connections (including servers)\n"
    "Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)          rxbytes      txbytes\n";
const std::string tail = " 00102 00000008 00000000002ffc8e 00000080 04000900      2      0 000000\n";

NetstatRows parse(const std::string& text) { return parse_netstat(text, LongAddresses::whole); }

/// The only row of a list, which must have no other.
NetstatRow row_of(const std::string& text)
{
    const NetstatRows parsed = parse(text);
    REQUIRE(parsed.rows.size() == 1);
    CHECK(parsed.garbled == 0);
    return parsed.rows.front();
}

/// As macOS 26 prints it.
NetstatRow row_with_process(const std::string& process)
{
    return row_of(header_26 + "tcp4 0 0 10.0.0.5.1 10.0.0.6.2 ESTABLISHED 5 6 131072 131072 " + process + tail);
}

Endpoint endpoint(std::string_view address, std::uint16_t port) { return {parse_address(address).value(), port}; }

} // namespace

TEST_CASE("netstat: columns are found by their names")
{
    const auto old =
        row_of("Proto Recv-Q Send-Q Local Address Foreign Address (state) rxbytes txbytes rhiwat shiwat pid "
               "epid state options\ntcp4 3 4 10.0.0.5.1 10.0.0.6.2 ESTABLISHED 5 6 131072 131072 77 0 "
               "0x0102 0x00000008\n");
    CHECK(old.rx_bytes == 5);
    CHECK(old.tx_bytes == 6);
    CHECK(old.pid == Pid{77});
    CHECK(old.generation == 0);
    CHECK(old.socket.rqueue == 3);
    CHECK(old.socket.wqueue == 4);

    const auto later = row_of(header_15 + "tcp4 0 0 10.0.0.5.1 10.0.0.6.2 CLOSE_WAIT 5 6 131072 131072 77 88" + tail);
    CHECK(later.pid == Pid{77});
    CHECK(later.generation == 0x2ffc8e);
    CHECK(later.socket.state == TcpState::close_wait);
    CHECK(later.socket.tuple == Tuple{Protocol::tcp, endpoint("10.0.0.5", 1), endpoint("10.0.0.6", 2)});

    const auto plain = row_of(header_plain + "udp4 0 0 *.5353 *.* 5 6\n");
    CHECK(plain.rx_bytes == 5);
    CHECK_FALSE(plain.pid);
    CHECK(plain.socket.tuple == Tuple{Protocol::udp, {{}, 5353}, {}});
    CHECK(plain.socket.family == Family::v4);

    const NetstatRows without = parse("Proto Recv-Q Send-Q Local Address Foreign Address (state) pid\n");
    CHECK(without.has_header);
    CHECK_FALSE(without.counts_bytes);
}

TEST_CASE("netstat: the name of a process may have any characters")
{
    CHECK(row_with_process("claude:23680").process == "claude");
    CHECK(row_with_process("Codex (Service):19111").process == "Codex (Service)");
    CHECK(row_with_process("2.1.251:90095").pid == Pid{90095});
    CHECK(row_with_process("a b c d:1:12").process == "a b c d:1");
    CHECK(row_with_process("131072 00102:77").pid == Pid{77});
    CHECK(row_with_process("            :0").pid == Pid{0});
    CHECK(row_with_process("            :0").process.empty());
    CHECK(parse(header_26 + "tcp4 0 0 10.0.0.5.1 10.0.0.6.2 ESTABLISHED 5 6 1 1 nobody" + tail).garbled == 1);
    CHECK(parse(header_26 + "tcp4 0 0 10.0.0.5.1 10.0.0.6.2 ESTABLISHED 5 6 1 1 x:99999999999" + tail).garbled == 1);
}

TEST_CASE("netstat: a line break in a name makes no socket")
{
    const NetstatRows parsed = parse(header_26 +
                                     "tcp4 0 0 10.0.0.5.1 10.0.0.6.2 ESTABLISHED 5 6 1 1 a\n"
                                     "tcp4 9 9 1.1.1:77" +
                                     tail);
    CHECK(parsed.rows.empty());
    CHECK(parsed.garbled == 2);
}

TEST_CASE("netstat: UDP has no state")
{
    const auto named =
        row_of(header_26 + "udp6 0 0 2001:db8::5.63657 2001:db8::1.443 2415188 588764 1 1 Chrome H:42" + tail);
    CHECK(named.rx_bytes == 2415188);
    CHECK(named.socket.state == TcpState::established);
    CHECK(row_of(header_26 + "udp4 0 0 *.* *.* 1 2 1 1 a b:42" + tail).socket.state == TcpState::close);
    CHECK(parse(header_15 + "tcp4 0 0 *.1 *.* 1 2 1 1 42 0" + tail).garbled == 1);
    CHECK(parse(header_15 + "tcp4 0 0 *.1 *.* NO_STATE 1 2 1 1 42 0" + tail).garbled == 1);
}

TEST_CASE("netstat: IPv6 addresses have zones, or are cut")
{
    const std::string ends = "fe80::1%lo0.1024 fe80:7::1.52100";
    const auto zone = row_of(header_15 + "tcp6 0 0 " + ends + " ESTABLISHED 5 6 1 1 77 0" + tail);
    CHECK(zone.socket.tuple.local == endpoint("fe80::1", 1024));
    CHECK(zone.socket.tuple.remote == endpoint("fe80::1", 52100));
    CHECK_FALSE(zone.is_cut);

    const auto cut =
        row_of(header_15 + "tcp6 0 0 2600:1700:5610:3.50624 2600:1900:4110:8.80 SYN_SENT 0 0 1 1 7 0" + tail);
    CHECK(cut.is_cut);
    CHECK(cut.socket.tuple.local == Endpoint{{}, 50624});
    CHECK(cut.socket.tuple.remote == Endpoint{{}, 80});

    // An address of 16 characters may be the beginning of a longer one.
    const std::string text = header_plain + "tcp6 0 0 2001:db8::1:2:34.1 ::1.2 ESTABLISHED 1 2\n";
    CHECK_FALSE(row_of(text).is_cut);
    CHECK(parse_netstat(text, LongAddresses::cut).rows.at(0).is_cut);
    CHECK(row_of(header_plain + "tcp46 0 0 *.80 *.* LISTEN 0 0\n").socket.family == Family::v6);
    CHECK(parse(header_plain + "tcp4 0 0 10.0.0.5 *.* LISTEN 0 0\n").garbled == 1);
    CHECK(parse(header_plain + "tcp4 0 0 10.0.0.5.70000 *.* LISTEN 0 0\n").garbled == 1);
}

TEST_CASE("netstat: other lines, other lists, and output that ends early")
{
    const NetstatRows parsed = parse(
        header_plain + "got 3 twice\ntcp4 0 0 *.1 *.* LISTEN 0 0\nicm4 0 0 *.* *.* 1 2\n"
                       "Active Multipath Internet connections\nProto/ID Flags Local Address Foreign Address "
                       "(state)\ntcp4 10.0.0.5.1 10.0.0.6.2 ESTABLISHED\nActive LOCAL (UNIX) domain sockets\n"
                       "Address Type Recv-Q Send-Q Inode Conn Refs Nextref rxbytes txbytes Addr\ntcp4 stream 0 0\n");
    CHECK(parsed.rows.size() == 1);
    CHECK(parsed.garbled == 0);
    CHECK_FALSE(parse("").has_header);
    CHECK_FALSE(parse("netstat: illegal option -- b\n").has_header);
    CHECK(parse(header_plain).rows.empty());
    CHECK(parse(header_plain + "tcp4 0 0 *.1 *.* LISTEN 0 0").garbled == 1); // the last figure may be longer
    CHECK(parse(header_plain + "tcp4 0 0 *.1 *.* LISTEN 0\n").garbled == 1);
}

TEST_CASE("netstat: a socket keeps its number from list to list")
{
    const auto list = [](const std::string& rows) { return parse(header_15 + rows).rows; };
    const auto line = [](const std::string& local, const std::string& generation) {
        return "tcp4 0 0 " + local + " 10.0.0.6.2 ESTABLISHED 5 6 1 1 77 0 00102 0 " + generation + " 0 0 2 0 0\n";
    };
    SocketNumbers numbers(Protocol::tcp);

    SUBCASE("by the kernel's number")
    {
        auto first = list(line("10.0.0.5.1", "a1") + line("10.0.0.5.2", "a2") + line("10.0.0.5.2", "a2"));
        auto last = list(line("10.0.0.5.1", "a3") + line("10.0.0.5.9", "a2"));
        numbers.number(first);
        numbers.number(last);
        REQUIRE(first.size() == 2); // the repeated row is left out
        CHECK(first[0].socket.cookie != last[0].socket.cookie);
        CHECK(first[1].socket.cookie == last[1].socket.cookie);
    }
    SUBCASE("by the tuple, if two sockets have the same number")
    {
        auto first = list(line("10.0.0.5.1", "a1") + line("10.0.0.5.2", "a1"));
        auto last = list(line("10.0.0.5.2", "a1") + line("10.0.0.5.1", "a1"));
        numbers.number(first);
        numbers.number(last);
        CHECK(first[0].socket.cookie == last[1].socket.cookie);
        CHECK(first[1].socket.cookie == last[0].socket.cookie);
        CHECK(first[0].socket.cookie != first[1].socket.cookie);
    }
    SUBCASE("by the tuple, if there are no numbers, and not at all if several have it")
    {
        auto first = list(line("10.0.0.5.1", "0") + line("10.0.0.5.2", "0") + line("10.0.0.5.2", "0"));
        auto last = list(line("10.0.0.5.1", "0"));
        numbers.number(first);
        numbers.number(last);
        CHECK(first[0].socket.cookie == last[0].socket.cookie);
        CHECK(first[0].socket.cookie != Cookie{});
        CHECK(first[1].socket.cookie == Cookie{});
        CHECK(first[1].socket.inode != first[2].socket.inode);
    }
}

TEST_CASE("lsof: processes and their sockets")
{
    const LsofProcesses parsed = parse_lsof("p19111\ncCodex\\x20(Service)\nf21\ntIPv4\nPTCP\n"
                                            "n10.0.0.5:52001->17.57.146.52:5223\nTST=ESTABLISHED\nTQR=0\nTQS=0\n"
                                            "f22\ntIPv6\nPUDP\nn*:5353\nf23\nPUDP\nn*:*\n"
                                            "p27328\nca\\\\b\\nc\\q\\x4\nf3\nPTCP\nn[fe80:1::1]:1024->[fe80::1%lo0]:2\n"
                                            "f4\nPICMP\nn*\n");
    CHECK(parsed.garbled == 0);
    REQUIRE(parsed.processes.size() == 2);
    CHECK(parsed.processes[0].pid == Pid{19111});
    CHECK(parsed.processes[0].name == "Codex (Service)");
    REQUIRE(parsed.processes[0].sockets.size() == 3);
    CHECK(parsed.processes[0].sockets[0] ==
          Tuple{Protocol::tcp, endpoint("10.0.0.5", 52001), endpoint("17.57.146.52", 5223)});
    CHECK(parsed.processes[0].sockets[1] == Tuple{Protocol::udp, {{}, 5353}, {}});
    CHECK(parsed.processes[1].name == "a\\b\nc\\q\\x4");
    REQUIRE(parsed.processes[1].sockets.size() == 1);
    CHECK(parsed.processes[1].sockets[0] == Tuple{Protocol::tcp, endpoint("fe80::1", 1024), endpoint("fe80::1", 2)});
}

TEST_CASE("lsof: lines that make no sense")
{
    CHECK(parse_lsof("").processes.empty());
    CHECK(parse_lsof("px\nca\nf1\nPTCP\nn*:1\n").garbled == 1);
    CHECK(parse_lsof("px\nca\nf1\nPTCP\nn*:1\n").processes.empty());
    CHECK(parse_lsof("p1\nf1\nPTCP\nn*\n").garbled == 1);
    CHECK(parse_lsof("p1\nf1\nPTCP\nn*:1\nf2\nPTCP\nn*:2").processes.at(0).sockets.size() == 1); // cut off
    CHECK(parse_lsof("nothing\n\n").garbled == 0);
}

TEST_CASE("netstat: interfaces")
{
    const std::string header = "Name  Mtu   Network       Address            Ipkts Ierrs     Ibytes    Opkts Oerrs     "
                               "Obytes  Coll";
    const InterfaceRows parsed = parse_netstat_interfaces(
        header + "\nlo0 16384 <Link#1> 5 0 50 5 0 50 0\nlo0 16384 127 127.0.0.1 5 - 50 5 - 50 -\n"
                 "gif0* 1280 <Link#2> 0 0 0 0 0 0 0\nen0 1500 <Link#6> a4:83:e7:00:00:01 7 0 70 8 0 80 0\n"
                 "utun3 1380 <Link#20> 1 0 10 2 0 20 0\nen1 1500 <Link#0> 1 0 1 1 0 1 0\n");
    CHECK(parsed.garbled == 1);
    CHECK_FALSE(parsed.hides_rx_bytes);
    REQUIRE(parsed.interfaces.size() == 3);
    CHECK(parsed.interfaces[0].name == "gif0");
    CHECK(parsed.interfaces[1].index == 6);
    CHECK(parsed.interfaces[1].rx_bytes == 70);
    CHECK(parsed.interfaces[1].tx_packets == 8);
    CHECK(parsed.interfaces[2].tx_bytes == 20);
    // -d adds a column on the right.
    const InterfaceRows dropped =
        parse_netstat_interfaces(header + " Drop\nen0 1500 <Link#6> a4:83:e7:00:00:01 7 0 70 8 0 80 0 9\n");
    CHECK(dropped.interfaces.at(0).tx_bytes == 80);
    const InterfaceRows hidden = parse_netstat_interfaces(header + "\nen0 1500 <Link#6> 7 0 0 8 0 80 0\n");
    CHECK(hidden.hides_rx_bytes);
    CHECK(parse_netstat_interfaces(header + "\nen0 1500 <Link#6> 7 0 0 8 0 8").garbled == 1); // cut off
    CHECK(parse_netstat_interfaces("en0 1500 <Link#6> 7 0 0 8 0 8 0\n").garbled == 1);        // no header
    CHECK(parse_netstat_interfaces("").interfaces.empty());
}
