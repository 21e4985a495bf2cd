// SPDX-License-Identifier: MIT
// What people see, by report and terminal. How columns are fitted into a line is tested in table_layout.cpp.
#include "formats/escape.hpp"
#include "formats/format.hpp"
#include "formats/width.hpp"
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <sstream>

using namespace socktally;
using namespace socktally::test;

namespace {

std::string pretty(Report report, const Style& style = {}, std::string_view columns = "")
{
    report.group_count = report.rows.size();
    add_rates(report.rows, report.duration, report.totals);
    std::string out;
    find_format("pretty")->render(out, report, select_columns(columns, default_columns(report.by)), style);
    return out;
}

std::vector<std::string> lines(const std::string& text)
{
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        result.push_back(line);
    }
    return result;
}

std::string joined(const std::vector<std::string>& lines) { return fmt::format("{}", fmt::join(lines, "\n")); }

/// The table of a report: its header and rows.
std::vector<std::string> table(Report report, const Style& style = {}, std::string_view columns = "")
{
    const std::size_t rows = report.rows.size();
    auto all = lines(pretty(std::move(report), style, columns));
    const auto begin = std::find(all.begin(), all.end(), "") + 1;
    return {begin, begin + static_cast<std::ptrdiff_t>(rows + (style.header ? 1 : 0))};
}

Row user_row(int pid, std::string name, std::optional<std::uint64_t> rx, std::optional<std::uint64_t> tx)
{
    Row result = row(pid, std::move(name), rx, tx);
    result.user = "alice";
    return result;
}

Row connection(std::string_view local, int local_port, std::string_view remote, int remote_port, int port)
{
    Row result = row(7, "nginx", 4096, 0);
    result.protocol = Protocol::tcp;
    result.local_address = address(local);
    result.local_port = static_cast<std::uint16_t>(local_port);
    result.remote_address = address(remote);
    result.remote_port = static_cast<std::uint16_t>(remote_port);
    result.port = static_cast<std::uint16_t>(port);
    return result;
}

/// What is left when colours are taken away; fails on any other use of ESC.
std::string without_color(const std::string& text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\x1b') {
            result += text[i];
            continue;
        }
        const auto end = text.find('m', i);
        REQUIRE(text[i + 1] == '[');
        REQUIRE(text.find_first_not_of("0123456789", i + 2) == end);
        i = end;
    }
    return result;
}

} // namespace

TEST_CASE("a second: rates, and what it is in the first line")
{
    const Report result = report({user_row(8123, "curl", 3 * 1024 * 1024, 1024 * 1024), user_row(9, "ssh", 1000, 24)});
    CHECK(pretty(result) == "1.0 s · netlink · 2 processes · 3.0 MiB/s ↓ 1.0 MiB/s ↑ · complete\n"
                            "\n"
                            " PID  PROCESS       RX/s       TX/s  CONNS  USER   SHARE\n"
                            "8123  curl     3.0 MiB/s  1.0 MiB/s      1  alice   >99% ████████\n"
                            "   9  ssh       1000 B/s     24 B/s      1  alice    <1% ▏\n");
}

TEST_CASE("a longer window: totals beside the rates; none: totals only")
{
    Report result = report({user_row(1, "a", 4096, 1), row(2, "[exited]", 1, 0)});
    result.duration = std::chrono::seconds(4);
    CHECK(lines(pretty(result, {.width = 90}))[0] ==
          "4.0 s · netlink · 2 processes · 1.0 KiB/s ↓ <1 B/s ↑ · 4.0 KiB ↓ 1 B ↑ · complete");
    const auto narrow = lines(pretty(result, {.width = 80}));
    CHECK(narrow[0] == "4.0 s · netlink · 2 processes · 1.0 KiB/s ↓ <1 B/s ↑");
    CHECK(narrow[1] == "  · 4.0 KiB ↓ 1 B ↑ · complete");
    CHECK(table(result)[0] == "PID  PROCESS        RX/s    TX/s       RX   TX  CONNS  USER   SHARE");
    CHECK(table(result)[1] == "  1  a         1.0 KiB/s  <1 B/s  4.0 KiB  1 B      1  alice   >99% ████████");
    result.duration = std::chrono::nanoseconds(0);
    result.group_count = 2;
    CHECK(lines(pretty(result))[0] == "totals of open sockets · netlink · 2 processes · 4.0 KiB ↓ 1 B ↑ · complete");
    CHECK(table(result)[0] == "PID  PROCESS        RX   TX  CONNS  USER   SHARE");
}

TEST_CASE("units")
{
    const Report result = report({user_row(1, "a", 2'500'000, 125'000)});
    const auto rates = [&](Units units) {
        return table(result, {.units = units}, "rx_bytes_per_sec,tx_bytes_per_sec,rx_bytes")[1];
    };
    CHECK(rates({}) == "2.4 MiB/s  122 KiB/s  2.4 MiB");
    CHECK(rates({.si = true}) == "2.5 MB/s  125 kB/s  2.5 MB");
    CHECK(rates({.bits = true}) == "20.0 Mbit/s  1.0 Mbit/s  2.4 MiB");
    CHECK(lines(pretty(result, {.units = {.bits = true, .si = true}}))[0] ==
          "1.0 s · netlink · 1 process · 20.0 Mbit/s ↓ 1.0 Mbit/s ↑ · complete");
}

TEST_CASE("nothing is blank, unknown is a question mark, what may be short is at least that, and the legend says so")
{
    Row partly = user_row(5, "dns", 1000, 0);
    partly.unknown_connections = 2;
    const Report result = report({partly, user_row(6, "curl", 24, 0), row(7, "udp", std::nullopt, std::nullopt)});
    const std::vector<std::string> text = lines(pretty(result));
    CHECK(joined({text.begin() + 2, text.end()}) ==
          joined({"PID  PROCESS       RX/s  TX/s  CONNS  USER   SHARE",
                  "  5  dns      ≥1000 B/s     ?      1  alice    98% ███████▉",
                  "  6  curl        24 B/s            1  alice     2% ▎",
                  "  7  udp              ?     ?      1  -          ?",
                  "? unknown, ≥ at least: the bytes of some sockets are unknown"}));
    CHECK(lines(pretty(report({row(7, "udp", std::nullopt, 1)}))).back() == "? unknown");
    CHECK(text[0].find(" · ≥1.0 KiB/s ↓ ≥0 B/s ↑ · ") != text[0].npos);
    Report unknown = report({row(5, "dns", std::nullopt, std::nullopt)});
    unknown.totals = {std::nullopt, std::nullopt, std::nullopt, std::nullopt, 1};
    CHECK(lines(pretty(unknown))[0] == "1.0 s · netlink · 1 process · ? ↓ ? ↑ · ? unattributed · complete");
}

TEST_CASE("a name that cannot be seen is quoted")
{
    Row blank = row(2, "   ", 1, 1);
    blank.user = "";
    const auto text = table(report({row(1, "", 3, 3), blank, row(3, "a b", 1, 1)}), {}, "pid,process,user,rx_bytes");
    CHECK(text[1] == "  1  ''       -     3 B");
    CHECK(text[2] == "  2  '   '    ''    1 B");
    CHECK(text[3] == "  3  a b      -     1 B");
}

TEST_CASE("a connection is an endpoint, an arrow from the end that opened it, and an endpoint")
{
    Report result = report({connection("10.0.0.1", 8080, "10.77.0.1", 36260, 8080),
                            connection("2001:db8::2", 40000, "2001:db8::1", 443, 443),
                            connection("10.0.0.1", 123, "10.0.0.2", 123, 123)});
    result.rows.push_back(row(8, "dns", 1, 1)); // which has no addresses
    result.by = GroupBy("connection");
    const auto wide = table(result, {.width = 100});
    CHECK(wide[1].find("       10.0.0.1:8080 ← 10.77.0.1:36260") != std::string::npos);
    CHECK(wide[2].find(" [2001:db8::2]:40000 → [2001:db8::1]:443") != std::string::npos);
    CHECK(wide[3].find("        10.0.0.1:123 ↔ 10.0.0.2:123") != std::string::npos);
    CHECK(wide[4].find("                   * ↔ *") != std::string::npos);
    result.rows[1].remote_address = address("2001:db8:1111:2222:3333:4444:5555:6666");
    CHECK(joined(table(result)) ==
          joined({"PID  PROCESS  PROTO   LOCAL   REMOTE                                 RX/s   TX/s",
                  "  7  nginx    tcp     :8080 ← 10.77.0.1:36260                   4.0 KiB/s",
                  "  7  nginx    tcp    :40000 → [2001:db8:1111:…4:5555:6666]:443  4.0 KiB/s",
                  "  7  nginx    tcp      :123 ↔ 10.0.0.2:123                      4.0 KiB/s",
                  "  8  dns      -           * ↔ *                                     1 B/s  1 B/s"}));
    for (Row& row : result.rows) { // who sent first is known if one end alone sent
        row.protocol = Protocol::udp;
        row.port = row.remote_port;
    }
    result.rows[1].rx_bytes = 0;
    result.rows[1].tx_bytes = 1;
    result.rows[2].tx_bytes.reset();
    const auto datagrams = table(result);
    CHECK(datagrams[1].find(":8080 ←") != std::string::npos);
    CHECK(datagrams[2].find(":40000 →") != std::string::npos);
    CHECK(datagrams[3].find(":123 ↔") != std::string::npos);
    CHECK(datagrams[4].find("* ↔ *") != std::string::npos);
}

TEST_CASE("a wide terminal shows the busiest remote address, and the container or else the unit")
{
    const std::string id(64, 'a');
    Report result = report({user_row(1, "web", 5, 5), user_row(2, "sshd", 3, 3), user_row(3, "cat", 1, 1)});
    result.rows[0].busiest_remote = address("10.0.0.9");
    result.rows[0].identity = std::make_shared<Identity>();
    Identity identity;
    identity.unit = "docker-" + id + ".scope";
    result.rows[1].identity = std::make_shared<const Identity>(identity);
    identity.container = "web1";
    result.rows[0].identity = std::make_shared<const Identity>(identity);
    const Style wide{.width = 100, .has_extras = true};
    CHECK(joined(table(result, wide)) ==
          joined({"PID  PROCESS   RX/s   TX/s  CONNS  USER   SHARE        BUSIEST REMOTE  RUNS IN",
                  "  1  web      5 B/s  5 B/s      1  alice    56% ████▌  10.0.0.9        web1",
                  "  2  sshd     3 B/s  3 B/s      1  alice    33% ██▋                    docker-aaaaaaaaaaaa.scope",
                  "  3  cat      1 B/s  1 B/s      1  alice    11% ▉"}));
    CHECK(table(result, {.width = 200})[0].find("REMOTE") == std::string::npos);
    CHECK(table(result, {}, "pid,unit,rx_bytes")[2] == "  2  docker-aaaaaaaaaaaa.scope  3 B");
    result.by = GroupBy("unit");
    CHECK(table(result, wide)[1] == "docker-aaaaaaaaaaaa.scope  web      5 B/s  5 B/s      1    56% ████▌  10.0.0.9");
}

TEST_CASE("the one host of a report goes if there is no room, one of two does not")
{
    Report result = report({user_row(1, "abcdefghijkl", 5, 5), user_row(2, "b", 5, 5)});
    for (Row& row : result.rows) {
        row.host = "a-host-name.example";
    }
    const std::string_view columns = "host,pid,process,rx_bytes,tx_bytes,connections,user";
    CHECK(table(result, {}, columns)[0].find("HOST") == 0);
    CHECK(table(result, {.width = 60}, columns)[0].find("PID") == 0);
    result.rows[0].host = "another.example";
    CHECK(table(result, {.width = 60}, columns)[0].find("HOST") == 0);
}

TEST_CASE("nothing to show: what it was, and the hint")
{
    Report result = report({});
    result.hint = "no traffic in 1.0 s; try -d 10s";
    CHECK(pretty(result) == "1.0 s · netlink · complete\nno traffic in 1.0 s; try -d 10s\n");
}

TEST_CASE("notes come last, first what is incomplete, each remedy once behind all that it is for")
{
    Report result = report({user_row(1, "a", 1, 1)});
    result.complete = false;
    result.local = {3, 3};
    result.totals.unattributed_rx_bytes = 7;
    const std::string as_root = "run it as root";
    result.notes = {{NoteCode::packets_malformed, "fine"},
                    {NoteCode::udp_bytes, "UDP bytes are\nunknown", as_root},
                    {NoteCode::events_lost, "events are lost", "a \x1b[1m larger buffer"},
                    {NoteCode::no_bytes,
                     "a note that tells of bytes that are missing and is longer than a line is, "
                     "and than the next one too",
                     as_root}};
    const auto text = lines(pretty(result));
    CHECK(text[0] == "1.0 s · netlink · 1 process · 1 B/s ↓ 1 B/s ↑ · 7 B unattributed · incomplete");
    CHECK(joined({text.begin() + 4, text.end()}) ==
          joined({"", "3 connections are local: both ends are listed; --no-loopback hides them",
                  "note: UDP bytes are\\nunknown",
                  "note: a note that tells of bytes that are missing and is longer than a line is,",
                  "      and than the next one too", "      remedy: run it as root", "note: events are lost",
                  "      remedy: a \\x1b[1m larger buffer", "note: fine"}));
    result.local = {1, 0};
    CHECK(lines(pretty(result))[5] == "1 connection is local: both ends are listed");
    result.local = {1, 1};
    CHECK(lines(pretty(result))[5] == "1 connection is local: both ends are listed; --no-loopback hides it");
    result.local = {4, 3};
    CHECK(lines(pretty(result, {.width = 90}))[5] ==
          "4 connections are local: both ends are listed; --no-loopback hides 3 of them");
    CHECK(lines(pretty(result, {.color = true}))[0].ends_with(" · \x1b[33mincomplete\x1b[0m"));
}

TEST_CASE("what does not fit 60 columns goes in order, and figures are never cut")
{
    const Report result = report({user_row(1234567, "abcdefghijklmno", 1023 * 1024, 1023 * 1024)});
    const auto at = [&result](std::size_t width) { return table(result, {.width = width})[1]; };
    CHECK(at(78) == "1234567  abcdefghijklmno  1023 KiB/s  1023 KiB/s      1  alice   100% ████████");
    CHECK(at(77) == "1234567  abcdefghijklmno  1023 KiB/s  1023 KiB/s      1  alice   100%");
    CHECK(at(62) == "1234567  abcdefghijklmno  1023 KiB/s  1023 KiB/s      1   100%");
    CHECK(at(60) == "1234567  abcdefghijklmno  1023 KiB/s  1023 KiB/s   100%");
    CHECK(at(45) == "1234567  abcdefghijk…  1023 KiB/s  1023 KiB/s");
}

TEST_CASE("columns that were asked for are as they were asked for, and it is told if there is no room for one")
{
    const Report result = report({user_row(1234567, "abcdefghijklmno", 1023 * 1024, 1023 * 1024)});
    const auto text =
        lines(pretty(result, {.width = 60}, "uid,rx_packets,process,user,connections,rx_bytes,attribution"));
    CHECK(*(std::find(text.begin(), text.end(), "") + 1) == "UID  RX PKTS  PROCESS          USER   CONNS        RX");
    CHECK(text.back() == "no room for: ATTRIBUTION");
    CHECK(table(result, {}, "pid,process") == std::vector<std::string>{"    PID  PROCESS", "1234567  abcdefghijklmno"});
    CHECK(table(result, {.header = false}, "+uid")[0] ==
          "1234567  abcdefghijklmno  1023 KiB/s  1023 KiB/s  1  alice  -  100% ████████");
}

TEST_CASE(
    "on a narrow terminal both endpoints are in one column, without the port of the end that opened the connection")
{
    Report result = report({connection("192.168.100.100", 8443, "192.168.100.101", 41000, 8443),
                            connection("10.0.0.1", 41001, "192.168.100.102", 443, 443),
                            connection("10.0.0.1", 5, "10.0.0.2", 6, 0)});
    result.by = GroupBy("connection");
    const auto text = table(result, {.width = 60});
    CHECK(text[0] == "PID  PROCESS  LOCAL - REMOTE                RX/s  TX/s");
    CHECK(text[1] == "  7  nginx    :8443 ← 192.168.100.101  4.0 KiB/s");
    CHECK(text[2] == "  7  nginx    → 192.168.100.102:443    4.0 KiB/s");
    CHECK(text[3] == "  7  nginx    :5 ↔ 10.0.0.2:6          4.0 KiB/s");
}

TEST_CASE("columns of an address that is a key leave no IPv4 address cut")
{
    Row far = user_row(1234567, "a-long-name-xyz", 1 << 20, 1 << 20);
    far.remote_address = address("192.168.100.101");
    Report result = report({far});
    result.by = GroupBy("process,remote");
    for (const std::size_t width : {60U, 70U, 80U}) {
        CHECK(table(result, {.width = width})[1].find(" 192.168.100.101 ") != std::string::npos);
    }
}

TEST_CASE("at 80 columns an interface keeps OUTBOUND, and packets go")
{
    Row eth0 = row(0, "", std::uint64_t{1} << 30, std::uint64_t{1} << 30);
    eth0.interface = "enp0s31f6";
    eth0.outbound = Outbound::route;
    eth0.packets = {1'234'567, 1'234'567, std::nullopt, std::nullopt};
    Report result = report({eth0});
    result.by = GroupBy("interface");
    result.duration = std::chrono::seconds(5);
    const std::string header = table(result)[0];
    CHECK(header.find("OUTBOUND") != std::string::npos);
    CHECK(header.find("RX PKTS") == std::string::npos);
}

TEST_CASE("a list with connections has their remote ends")
{
    Report result = report({connection("127.0.0.1", 22, "192.168.100.100", 41000, 22), user_row(2, "x", 0, 0)});
    result.by = GroupBy::sockets();
    result.is_list = true;
    result.duration = std::chrono::nanoseconds(0);
    CHECK(table(result)[0].find("LPORT  REMOTE                 STATE") != std::string::npos);
    CHECK(table(result)[1].find("   22  192.168.100.100:41000  ") != std::string::npos);
    result.rows.erase(result.rows.begin());
    CHECK(table(result)[0].find("REMOTE") == std::string::npos);
}

TEST_CASE("a list of sockets that is too long says how to print the rest")
{
    std::vector<Row> rows(40, row(1, "p", std::nullopt, std::nullopt));
    Report result = report(rows);
    result.by = GroupBy::sockets();
    result.is_list = true;
    result.duration = std::chrono::nanoseconds(0);
    const auto text = lines(pretty(result, {.height = 24}));
    CHECK(text.size() == 23);
    CHECK(text.back() == "… 21 more; --all-rows prints them");
}

TEST_CASE("the table is no taller than the terminal, and says what it leaves out")
{
    std::vector<Row> rows;
    for (int i = 0; i < 40; ++i) {
        rows.push_back(user_row(i + 1, "p", 1024, 512));
    }
    Report result = report(rows);
    result.notes = {{NoteCode::packets_malformed, "fine"}};
    const auto text = lines(pretty(result, {.height = 24}));
    CHECK(text.size() == 23);                  // one is the prompt's
    const std::size_t shown = text.size() - 6; // the first line, the header, two empty ones, that of the rest, the note
    CHECK(text[shown + 3] == fmt::format("… {} more  {}.0 KiB ↓ {:.1f} KiB ↑", 40 - shown, 40 - shown,
                                         static_cast<double>(40 - shown) / 2));
    CHECK(lines(pretty(result, {.height = 5})).size() == 9); // three rows are there in any case
    CHECK(lines(pretty(result, {.height = 100})).size() == 45);
    CHECK(lines(pretty(result)).size() == 45);
}

TEST_CASE("no control character reaches the terminal, whatever the name")
{
    std::string every_byte;
    for (int i = 0; i < 256; ++i) {
        every_byte += static_cast<char>(i);
    }
    for (const std::string& name : {every_byte,
                                    std::string("\xc2\x9b"
                                                "31m"),
                                    std::string("a\xe2\x80\xae"
                                                "b"),
                                    std::string("\xf3\xa0\x81\x81")}) {
        Row hostile = row(1, name, 1, 1);
        hostile.user = name;
        Report result = report({hostile});
        result.backend = name;
        for (const bool color : {false, true}) {
            std::string rest = without_color(pretty(result, {color, true, 80}));
            std::replace(rest.begin(), rest.end(), '\n', ' ');
            std::string unescaped = printable(rest);
            for (auto at = unescaped.find("\\\\"); at != std::string::npos; at = unescaped.find("\\\\", at + 1)) {
                unescaped.erase(at, 1);
            }
            CHECK(unescaped == rest); // nothing but its backslashes was left to escape
        }
    }
}

TEST_CASE("colour changes no text, and is there only when asked for")
{
    Report result = report({user_row(1, "a", 5, 1), row(2, "[exited]", 3, 1)});
    result.rows[1].attribution = Quality::unknown;
    result.notes = {{NoteCode::events_lost, "y", "z"}};
    const std::string plain = pretty(result);
    const std::string colored = pretty(result, {true, true, 80});
    CHECK(plain.find('\x1b') == std::string::npos);
    CHECK(colored.find('\x1b') != std::string::npos);
    CHECK(without_color(colored) == plain);
}

TEST_CASE(
    "a list counts the other holders of a socket, names namespaces if there are several, and keeps the user at 80")
{
    using enum ConnectionState;
    Report list;
    list.is_list = true;
    list.by = GroupBy::sockets();
    for (const int port : {22, 80}) {
        Row socket = user_row(port, "nginx", std::nullopt, std::nullopt);
        socket.protocol = Protocol::tcp;
        socket.local_address = address("fe80::42:acff:fe11:2");
        socket.local_port = static_cast<std::uint16_t>(port);
        socket.facts = std::make_shared<const SocketFacts>(SocketFacts{.is_listed = true, .state = listening});
        socket.netns = Inode{1};
        socket.netns_name = "blue";
        list.rows.push_back(socket);
    }
    list.rows[1].shared_with = {{Pid{81}, "nginx"}, {Pid{82}, "nginx"}};
    CHECK(joined(table(list, {.width = 100})) == "PROTO  LOCAL                 LPORT  STATE      PID  PROCESS   USER\n"
                                                 "tcp    fe80::42:acff:fe11:2     22  listening   22  nginx     alice\n"
                                                 "tcp    fe80::42:acff:fe11:2     80  listening   80  nginx +2  alice");
    list.rows[1].netns = Inode{2};
    list.rows[1].netns_name = "red";
    list.rows[0].local_address = address("2001:db8:1234:5678:42:acff:fe11:2");
    CHECK(table(list, {.width = 80}).front() ==
          "PROTO  LOCAL                              LPORT  PID  PROCESS   USER   NETNS");
    list.rows[1].facts = std::make_shared<const SocketFacts>(SocketFacts{.is_listed = true, .state = established});
    CHECK(table(list, {.width = 80}).front().find("STATE") != std::string::npos);
    list.by = GroupBy("user").listed();
    list.rows.resize(1);
    CHECK(joined(table(list)) == "USER   SOCKETS\nalice        1");
}

TEST_CASE("the row of the rest says so whatever the key is")
{
    Report result = report({user_row(1, "a", 9, 1), user_row(2, "b", 5, 1), user_row(3, "c", 3, 1)});
    keep_top(result.rows, 1);
    result.rows[0].port = 443;
    for (const std::string_view key : {"user", "port", "process", "connection"}) {
        result.by = GroupBy(key);
        CHECK(table(result)[2].find("other") != std::string::npos);
    }
}

TEST_CASE("figures at the top of the range")
{
    constexpr auto top = std::numeric_limits<std::uint64_t>::max();
    Report result = report({});
    result.rows = {user_row(1, "a", top, top)};
    result.totals = {top, top, 0, 0};
    CHECK(table(result)[1] == "  1  a        16.0 EiB/s  16.0 EiB/s      1  alice   100% ████████");
}

namespace {

constexpr std::uint32_t seed = 20261120;

/// Text of every length and script, with what is hard to align.
class Names {
public:
    std::uint64_t number(std::uint64_t most) { return std::uniform_int_distribution<std::uint64_t>(0, most)(random_); }

    std::string text()
    {
        constexpr std::array<std::string_view, 14> pieces = {
            "a",
            "worker",
            "-",
            " ",
            "/usr/lib/",
            "漢字",
            "한글",
            "e\u0301",
            "\U0001f600",
            "👩\u200d💻",
            "\u202e",
            "\xff",
            "3f1c0b7a9d2e4c5f8a6b7d8e9f00112233445566778899aabbccddeeff001122",
            "абв"};
        constexpr std::array<std::uint64_t, 4> lengths = {2, 10, 60, 200};
        std::string result;
        for (auto i = number(lengths.at(number(lengths.size() - 1))); i > 0; --i) {
            result += pieces.at(number(pieces.size() - 1));
        }
        return result;
    }

    std::optional<std::string> maybe_text() { return number(4) == 0 ? std::nullopt : std::optional(text()); }

    Address any_address()
    {
        std::array<std::byte, 16> bytes{};
        std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::byte>(number(255)); });
        return Address::from_bytes(std::span(bytes).first(number(1) == 0 ? 4 : 16));
    }

    std::optional<std::uint64_t> bytes()
    {
        const std::uint64_t kind = number(9);
        return kind == 0 ? std::nullopt : std::optional(kind == 1 ? 0 : number(std::uint64_t{1} << (6 * kind)));
    }

    Row row()
    {
        Row row = test::row(static_cast<int>(number(4'194'303)), text(), bytes(), bytes());
        row.unknown_connections = row.rx_bytes && row.tx_bytes ? 0 : 1;
        row.user = maybe_text();
        row.protocol = Protocol::tcp;
        row.local_address = any_address();
        row.remote_address = any_address();
        row.local_port = static_cast<std::uint16_t>(number(65535));
        row.remote_port = static_cast<std::uint16_t>(number(65535));
        row.port = number(1) == 0 ? row.local_port : row.remote_port;
        row.busiest_remote = row.remote_address;
        row.connections = number(99999);
        Identity identity;
        for (auto field : {&Identity::command, &Identity::exe, &Identity::cgroup, &Identity::unit, &Identity::container,
                           &Identity::pod}) {
            identity.*field = maybe_text();
        }
        row.identity = std::make_shared<const Identity>(identity);
        return row;
    }

private:
    std::mt19937 random_{seed};
};

/// The figure that ends before this column of the terminal; empty if there is a blank.
std::string figure_at(const std::string& line, std::size_t end)
{
    std::size_t bytes = 0;
    while (bytes < line.size() && display_width(line.substr(0, bytes)) < end) {
        bytes += decode_utf8(std::string_view(line).substr(bytes))->length;
    }
    const std::string before = line.substr(0, bytes);
    if (before.ends_with(' ') || display_width(before) < end) {
        return "";
    }
    return before.substr(before.rfind("  ") + 2);
}

std::string figure_of(const Report& report, const Row& row, std::string_view heading, Units units)
{
    if (heading == "CONNS") {
        return row.connections == 0U ? "" : std::to_string(*row.connections);
    }
    const auto& bytes = heading.starts_with("RX") ? row.rx_bytes : row.tx_bytes;
    if (!bytes || (*bytes == 0 && row.unknown_connections != 0)) {
        return "?";
    }
    if (*bytes == 0) {
        return "";
    }
    return (row.unknown_connections != 0 ? "≥" : "") +
           (heading.ends_with("/s") ? human_rate(*bytes, report.duration, units) : human_bytes(*bytes, units));
}

} // namespace

TEST_CASE("200 random tables at 60 to 200 columns: no line is wider, no figure is cut, all columns are aligned")
{
    constexpr std::array<std::string_view, 7> keys = {
        "process", "connection", "unit", "command", "user", "remote", "process,remote,container"};
    Names names;
    for (int i = 0; i < 200; ++i) {
        std::vector<Row> rows;
        for (auto count = names.number(20) + 1; count > 0; --count) {
            rows.push_back(names.row());
        }
        Report result = report({});
        result.rows = rows;
        result.by = GroupBy(keys.at(names.number(keys.size() - 1)));
        result.duration = std::chrono::seconds(names.number(10));
        result.totals = {names.bytes(), names.bytes(), names.bytes(), names.bytes(), names.number(2)};
        result.notes = {{NoteCode::udp_bytes, printable(names.text()), names.text()}};
        const Style style{.width = 60 + static_cast<std::size_t>(names.number(140)),
                          .units = {names.number(1) == 0, names.number(1) == 0}};
        const std::string_view columns = names.number(3) == 0 ? "+cgroup,exe,netns,uid" : "";
        CAPTURE(seed);
        CAPTURE(i);
        CAPTURE(style.width);
        for (const std::string& line : lines(pretty(result, style, columns))) {
            CHECK_MESSAGE(display_width(line) <= style.width, line);
        }
        // Each figure is whole, and ends where its heading does.
        const auto text = table(result, style, columns);
        for (const std::string_view heading : {"RX/s", "TX/s", "RX", "TX", "CONNS"}) {
            const auto at = fmt::format(" {} ", text[0]).find(fmt::format(" {} ", heading));
            if (at == std::string::npos) {
                continue;
            }
            const std::size_t end = display_width(text[0].substr(0, at)) + heading.size();
            for (std::size_t row = 0; row < rows.size(); ++row) {
                CHECK(figure_at(text[row + 1], end) == figure_of(result, rows[row], heading, style.units));
            }
        }
    }
}
