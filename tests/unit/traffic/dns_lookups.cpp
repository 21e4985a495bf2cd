// SPDX-License-Identifier: MIT
// Scripted messages.
#include "traffic/packet/dns_lookups.hpp"

#include "unit/build_sample.hpp"
#include "unit/dns_bytes.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace socktally;
using namespace socktally::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t type_a = 1;
constexpr std::size_t type_txt = 16;
constexpr std::size_t no_name_flags = answer_flags | 3U;
constexpr std::size_t failed_flags = answer_flags | 2U;

/// A resolver at 10.0.0.53 that process 1000 asks from port 40000.
struct Scene {
    Endpoint here = endpoint("10.0.0.1", 40000);
    Endpoint resolver = endpoint("10.0.0.53", 53);
    Protocol protocol = Protocol::udp;
    std::shared_ptr<DnsMemory> memory = std::make_shared<DnsMemory>();
    DnsLookups lookups{memory};
    DnsLookups::Instant now = 100s;
    std::uint32_t sequence = 1;

    void send(const Bytes& message, const Endpoint& from, const Endpoint& to, Direction direction,
              std::uint8_t tcp_flags = 0)
    {
        Packet packet;
        packet.protocol = protocol;
        packet.source = from;
        packet.destination = to;
        packet.time = now;
        packet.payload_bytes = static_cast<std::uint32_t>(message.size());
        packet.tcp.sequence = sequence;
        packet.tcp.flags = tcp_flags;
        lookups.add(packet, message, direction);
        now += 10ms;
    }
    void ask(const Bytes& message) { send(message, here, resolver, Direction::sent); }
    void reply(const Bytes& message) { send(message, resolver, here, Direction::received); }

    void set_asker(const Endpoint& local, DnsLookups::Instant begin = {}, Inode inode = {})
    {
        DnsAsker asker;
        asker.flow.tuple = {protocol, local, resolver};
        asker.flow.inode = inode;
        asker.is_sure = is_sure;
        lookups.set_asker(asker.flow.tuple, begin, asker);
    }
    Sample finish(DnsLookups::Rest rest = DnsLookups::Rest::is_given)
    {
        set_asker(here);
        return close(rest);
    }
    Sample close(DnsLookups::Rest rest = DnsLookups::Rest::is_given)
    {
        Sample sample;
        unanswered = lookups.finish({now, rest, has_drops}, sample, [&](DnsAsker& asker) { keep(asker); });
        lookups.next_window();
        return sample;
    }
    std::function<void(DnsAsker&)> keep = [](DnsAsker&) {};
    bool is_sure = false;
    bool has_drops = false;
    std::uint64_t unanswered = 0;
};

std::string outcome_text(const SampleLookup& lookup)
{
    return lookup.what->outcome ? to_string(*lookup.what->outcome) : "none";
}

} // namespace

TEST_CASE("dns lookups: a query and its answer")
{
    Scene scene;
    scene.ask(dns_query(7, "Www.Example.org", type_a));
    scene.reply(dns_answer(7, "www.example.ORG", type_a, "192.0.2.1")); // 0x20: the case may differ
    const Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    const NameLookups& what = *sample.lookups[0].what;
    CHECK(what.query == "Www.Example.org");
    CHECK(what.query_type == RecordType{type_a});
    CHECK(what.resolver == scene.resolver.address);
    CHECK(what.service == NameService::dns);
    CHECK(what.answered == 1);
    CHECK(what.failed == 0);
    CHECK(what.answers == std::vector<std::string>{"192.0.2.1"});
    CHECK(what.ttl_s == 60U);
    CHECK(what.median_us() == 10'000U);
    CHECK(outcome_text(sample.lookups[0]) == "NOERROR");
    CHECK(sample.flows.at(sample.lookups[0].flow).tuple.local == scene.here);
}

TEST_CASE("dns lookups: outcomes")
{
    Scene scene;
    const auto outcome_of = [&](const Bytes& reply) {
        scene.ask(dns_query(7, "a.example", type_a));
        scene.reply(reply);
        const Sample sample = scene.finish();
        REQUIRE(sample.lookups.size() == 1);
        return outcome_text(sample.lookups[0]) + (sample.lookups[0].what->failed != 0 ? ", failed" : "");
    };
    CHECK(outcome_of(dns_answer(7, "a.example", type_a, "")) == "empty");
    CHECK(outcome_of(dns_answer(7, "a.example", type_a, "", no_name_flags)) == "NXDOMAIN");
    CHECK(outcome_of(dns_answer(7, "a.example", type_a, "", failed_flags)) == "SERVFAIL, failed");
    CHECK(outcome_of(dns_message(7, failed_flags, {0}, {})) == "SERVFAIL, failed"); // without the question
    const Bytes server = dns_record(dns_name("example"), 2, 60, dns_name("ns.example"));
    CHECK(outcome_of(dns_message(7, answer_flags, {1, 0, 1}, dns_question("a.example", type_a) + server)) == "NOERROR");
    const Bytes authority = dns_record(dns_name("example"), 6, 60, zeros(20));
    CHECK(outcome_of(dns_message(7, answer_flags, {1, 0, 1}, dns_question("a.example", type_a) + authority)) ==
          "empty");
    CHECK(outcome_of(dns_answer(8, "a.example", type_a, "192.0.2.1")) == "none"); // another id
    CHECK(outcome_of(dns_answer(7, "b.example", type_a, "192.0.2.1")) == "none"); // another name
    CHECK(outcome_of(dns_answer(7, "a.example", 28, "")) == "none");              // another type
    CHECK(outcome_of(dns_query(7, "a.example", type_a)) == "none");               // no answer at all
}

TEST_CASE("dns lookups: a query that is sent again is one look-up, which counts in the window in which it ends")
{
    Scene scene;
    scene.ask(dns_query(7, "a.example", type_a));
    CHECK(scene.finish(DnsLookups::Rest::waits).lookups.empty());
    scene.now += 1s;
    scene.ask(dns_query(7, "a.example", type_a));
    scene.reply(dns_answer(7, "a.example", type_a, "192.0.2.1"));
    const Sample sample = scene.finish(DnsLookups::Rest::waits);
    REQUIRE(sample.lookups.size() == 1);
    CHECK(sample.lookups[0].what->retries == 1);
    CHECK(sample.lookups[0].what->median_us() == 1'020'000U);
    CHECK(scene.unanswered == 0);
}

TEST_CASE("dns lookups: one that the C library asks again after five seconds is one, and the answer counts")
{
    for (const auto delay : {4999ms, 5001ms}) {
        CAPTURE(delay.count());
        Scene scene;
        scene.ask(dns_query(7, "a.example", type_a));
        scene.now += delay - 10ms;
        scene.ask(dns_query(7, "a.example", type_a));
        scene.now += 50ms;
        scene.reply(dns_answer(7, "a.example", type_a, "192.0.2.1"));
        const Sample sample = scene.finish();
        REQUIRE(sample.lookups.size() == 1);
        CHECK(sample.lookups[0].what->retries == 1);
        CHECK(sample.lookups[0].what->answered == 1);
        CHECK(sample.lookups[0].what->failed == 0);
    }
}

TEST_CASE("dns lookups: without an answer they time out, or are given as they are with the last window")
{
    Scene scene;
    scene.ask(dns_query(7, "a.example", type_a));
    scene.now += DnsLookups::patience;
    scene.ask(dns_query(8, "b.example", type_a));
    const Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 2);
    CHECK(outcome_text(sample.lookups[0]) == "timeout");
    CHECK(sample.lookups[0].what->failed == 1);
    CHECK(outcome_text(sample.lookups[1]) == "none");
    CHECK(scene.unanswered == 1);
}

TEST_CASE("dns lookups: those that no socket here has asked are not given")
{
    Scene scene;
    scene.send(dns_query(7, "a.example", type_a), scene.here, scene.resolver,
               Direction::received); // we are the resolver
    scene.send(dns_query(7, "b.example", type_a), endpoint("10.9.9.9", 1234), scene.resolver,
               Direction::sent); // routed
    CHECK(scene.finish().lookups.empty());
}

TEST_CASE("dns lookups: a server with one port and many clients")
{
    Scene scene;
    for (const std::size_t id : {1U, 2U, 3U}) {
        scene.ask(dns_query(id, "host" + std::to_string(id) + ".example", type_a));
    }
    scene.reply(dns_answer(2, "host2.example", type_a, "192.0.2.2"));
    const Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 3);
    CHECK(sample.flows.size() == 1);                                                 // of one socket
    CHECK(sample.lookups[0].what->answers == std::vector<std::string>{"192.0.2.2"}); // the first that has ended
    CHECK(scene.unanswered == 2);
}

TEST_CASE("dns lookups: over TCP, after an answer that was truncated")
{
    Scene scene;
    scene.ask(dns_query(7, "big.example", type_txt));
    scene.reply(dns_answer(7, "big.example", type_txt, "", truncated_flags));
    Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(sample.lookups[0].truncated != DnsLookups::Instant{0});
    CHECK(outcome_text(sample.lookups[0]) == "NOERROR"); // not empty: the rest is elsewhere

    scene.protocol = Protocol::tcp;
    const Bytes query = dns_query(9, "big.example", type_txt);
    const Bytes stream = number16(query.size()) + query;
    scene.ask({stream.begin(), stream.begin() + 5});
    scene.sequence += 5;
    scene.ask({stream.begin() + 5, stream.end()});
    const Bytes answer = dns_message(9, answer_flags, {1, 1},
                                     dns_question("big.example", type_txt) +
                                         dns_record(pointer_to(question_place), type_txt, 60, text_bytes("\3abc")));
    scene.reply(number16(answer.size()) + answer);
    sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(sample.lookups[0].truncated == DnsLookups::Instant{0});
    CHECK(outcome_text(sample.lookups[0]) == "NOERROR");
}

TEST_CASE("dns lookups: questions to a group that nobody answers make room for later ones")
{
    constexpr int many = 256;
    Scene scene;
    scene.here = endpoint("10.0.0.1", 5353);
    scene.resolver = endpoint("224.0.0.251", 5353);
    for (int i = 0; i < many; ++i) {
        scene.ask(dns_message(0, 0, {}, dns_question("printer" + std::to_string(i) + ".local", type_a)));
    }
    scene.ask(dns_message(0, 0, {}, dns_question("too-many.local", type_a)));
    CHECK(scene.lookups.unkept() == 1);
    scene.now += DnsLookups::patience;
    scene.ask(dns_message(0, 0, {}, dns_question("later.local", type_a)));
    CHECK(scene.lookups.unkept() == 1);
    CHECK(scene.finish().lookups.size() == many + 1);
}

TEST_CASE("dns lookups: mDNS answers the whole group, LLMNR answers from an address of its own")
{
    Scene scene;
    scene.here = endpoint("10.0.0.1", 5353);
    scene.resolver = endpoint("224.0.0.251", 5353);
    scene.ask(dns_message(0, 0, {}, dns_question("printer.local", type_a)));
    scene.send(
        dns_message(0, 0x8400, {0, 1}, dns_record(dns_name("Printer.local"), type_a, 120, address_bytes("10.0.0.9"))),
        endpoint("10.0.0.9", 5353), scene.resolver, Direction::received);
    Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(sample.lookups[0].what->service == NameService::mdns);
    CHECK(sample.lookups[0].what->answers == std::vector<std::string>{"10.0.0.9"});
    // A probe for one's own name is no look-up.
    scene.ask(dns_message(0, 0, {1, 0, 1},
                          dns_question("own.local", 255) +
                              dns_record(dns_name("own.local"), type_a, 120, address_bytes("10.0.0.1"))));
    CHECK(scene.finish().lookups.empty());

    scene.here = endpoint("10.0.0.1", 40001);
    scene.resolver = endpoint("224.0.0.252", 5355);
    scene.ask(dns_query(3, "pc", type_a));
    scene.send(dns_answer(3, "pc", type_a, "10.0.0.8"), endpoint("10.0.0.8", 5355), scene.here, Direction::received);
    sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(sample.lookups[0].what->service == NameService::llmnr);
    CHECK(outcome_text(sample.lookups[0]) == "NOERROR");
}

TEST_CASE("dns lookups: an answer in fragments is read as far as its first one goes")
{
    Scene scene;
    scene.ask(dns_query(7, "big.example", type_txt));
    const Bytes answer = dns_answer(7, "big.example", type_txt, "192.0.2.1");
    Packet packet;
    packet.protocol = Protocol::udp;
    packet.source = scene.resolver;
    packet.destination = scene.here;
    packet.time = scene.now;
    packet.fragment = Fragment{1, 0, true};
    packet.payload_bytes = 40;
    scene.lookups.add(packet, std::span(answer).first(40), Direction::received);
    const Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(outcome_text(sample.lookups[0]) == "NOERROR");
}

TEST_CASE("dns lookups: the asker is the last socket of the tuple before the query")
{
    Scene scene;
    const DnsLookups::Instant begun = scene.now;
    scene.ask(dns_query(1, "first.example", type_a));
    const DnsLookups::Instant second = scene.now;
    scene.ask(dns_query(2, "second.example", type_a));
    scene.set_asker(scene.here, second, Inode{2});
    scene.set_asker(scene.here, begun, Inode{1});
    const DnsLookups::Instant end = scene.now;
    scene.ask(dns_query(3, "next-window.example", type_a)); // a socket of the next window may have asked it
    scene.now = end;
    Sample sample = scene.close();
    REQUIRE(sample.lookups.size() == 2);
    for (const SampleLookup& lookup : sample.lookups) {
        CHECK(sample.flows[lookup.flow].inode == Inode{lookup.what->query == "first.example" ? 1U : 2U});
    }
    scene.now += 1s;
    scene.set_asker(scene.here, end, Inode{3});
    sample = scene.close();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(sample.flows[0].inode == Inode{3});
}

TEST_CASE("dns lookups: a query that came in just before was forwarded, unless a socket has its tuple")
{
    Scene scene;
    const Endpoint client = endpoint("172.17.0.2", 50000);
    const Bytes query = dns_query(7, "a.example", type_a);
    scene.send(query, client, scene.resolver, Direction::received);
    scene.ask(query);                             // the source is this machine's by NAT
    scene.ask(dns_query(8, "a.example", type_a)); // a socket here, of as many bytes
    Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(scene.unanswered == 1);

    scene.is_sure = true; // a forwarder that asks with the id of its client
    scene.send(query, client, scene.resolver, Direction::received);
    scene.ask(query);
    CHECK(scene.finish().lookups.size() == 1);

    scene.is_sure = false;
    scene.now += 3s; // too long ago
    scene.ask(query);
    CHECK(scene.finish().lookups.size() == 1);
}

TEST_CASE("dns lookups: a timeout in a later window has the process that asked, although it has ended")
{
    Scene scene;
    scene.keep = [](DnsAsker& asker) {
        asker.holders = {Process{.pid = Pid{77}, .start_time = {}, .name = "asker", .uid = {}}};
    };
    scene.ask(dns_query(7, "a.example", type_a));
    scene.set_asker(scene.here, {}, Inode{5});
    CHECK(scene.close(DnsLookups::Rest::waits).lookups.empty());
    CHECK(scene.lookups.is_waiting());
    scene.now += DnsLookups::patience;
    const Sample sample = scene.close(DnsLookups::Rest::waits);
    REQUIRE(sample.lookups.size() == 1);
    CHECK(outcome_text(sample.lookups[0]) == "timeout");
    REQUIRE(sample.holders.size() == 1);
    CHECK(sample.holders[0].inode == sample.flows.at(sample.lookups[0].flow).inode);
    CHECK(sample.processes.at(sample.holders[0].process).name == "asker");
    CHECK(!scene.lookups.is_waiting());
    CHECK(scene.memory->used == 0);
}

TEST_CASE("dns lookups: an answer that comes too late is none, also within a window")
{
    Scene scene;
    scene.ask(dns_query(7, "a.example", type_a));
    scene.now += DnsLookups::patience;
    scene.reply(dns_answer(7, "a.example", type_a, "192.0.2.1"));
    Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(outcome_text(sample.lookups[0]) == "timeout");

    scene.ask(dns_query(7, "a.example", type_a));
    scene.now += DnsLookups::patience;
    scene.ask(dns_query(7, "a.example", type_a)); // a look-up of its own
    scene.reply(dns_answer(7, "a.example", type_a, "192.0.2.1"));
    sample = scene.finish();
    REQUIRE(sample.lookups.size() == 2);
    CHECK(outcome_text(sample.lookups[0]) == "timeout");
    CHECK(outcome_text(sample.lookups[1]) == "NOERROR");
    CHECK(sample.lookups[1].what->median_us() == 10'000U);
}

TEST_CASE("dns lookups: if packets were dropped, the answer may be among them")
{
    Scene scene;
    scene.ask(dns_query(7, "a.example", type_a));
    scene.has_drops = true;
    CHECK(scene.finish(DnsLookups::Rest::waits).lookups.empty());
    scene.has_drops = false;
    scene.now += DnsLookups::patience;
    const Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(outcome_text(sample.lookups[0]) == "none");
    CHECK(sample.lookups[0].what->failed == 0);
}

TEST_CASE("dns lookups: many answers of the same query cost little")
{
    Scene scene;
    for (int i = 0; i < 20'000; ++i) { // of the same id, as hostile as can be; took minutes when all were compared
        scene.ask(dns_query(7, "a.example", type_a));
        scene.reply(dns_answer(7, "a.example", type_a, "192.0.2.1"));
    }
    CHECK(scene.finish().lookups.size() == 20'000);
}

TEST_CASE("dns lookups: strangers do not fill the table of connections")
{
    Scene scene;
    scene.protocol = Protocol::tcp;
    const Bytes query = dns_query(9, "a.example", type_a);
    const Bytes stream = number16(query.size()) + query;
    scene.ask({stream.begin(), stream.begin() + 10});
    for (std::uint16_t port = 1; port < 10'000; ++port) { // they connect to a resolver here, or send from its port
        scene.send(zeros(8), endpoint("10.9.9.9", port), endpoint("10.0.0.1", 53), Direction::received, TcpHeader::syn);
        scene.send(zeros(8), endpoint("10.9.9.9", 53), endpoint("10.0.0.1", port), Direction::received, TcpHeader::syn);
    }
    scene.sequence += 10;
    scene.ask({stream.begin() + 10, stream.end()});
    CHECK(scene.lookups.unread() == 0);
    CHECK(scene.finish().lookups.size() == 1);
}

TEST_CASE("dns lookups: too many connections push out the oldest")
{
    Scene scene;
    scene.protocol = Protocol::tcp;
    const Bytes query = dns_query(9, "a.example", type_a);
    const Bytes stream = number16(query.size()) + query;
    for (std::uint16_t port = 1; port <= 2 * DnsStreams::most; ++port) {
        scene.send({stream.begin(), stream.begin() + 10}, endpoint("10.0.0.1", port), scene.resolver, Direction::sent);
    }
    CHECK(scene.lookups.unread() >= DnsStreams::most);
    const Endpoint last = endpoint("10.0.0.1", 2 * DnsStreams::most);
    scene.sequence += 10;
    scene.send({stream.begin() + 10, stream.end()}, last, scene.resolver, Direction::sent);
    scene.set_asker(last);
    CHECK(scene.close().lookups.size() == 1);
}

TEST_CASE("dns lookups: all namespaces share the memory")
{
    Scene scene;
    scene.memory->used = DnsMemory::most;
    scene.ask(dns_query(7, "a.example", type_a));
    CHECK(scene.lookups.unkept() == 1);
    scene.memory->used = 0;
    scene.ask(dns_query(7, "a.example", type_a));
    CHECK(scene.memory->used > sizeof(NameLookups));
    scene.reply(dns_answer(7, "a.example", type_a, "192.0.2.1"));
    CHECK(scene.finish().lookups.size() == 1);
    CHECK(scene.memory->used == 0);
}

TEST_CASE("dns lookups: mDNS answers one asker without a question, and none if the asker knows the answer")
{
    Scene scene;
    scene.here = endpoint("10.0.0.1", 5353);
    scene.resolver = endpoint("224.0.0.251", 5353);
    const Bytes record = dns_record(dns_name("printer.local"), type_a, 120, address_bytes("10.0.0.9"));
    scene.ask(dns_message(0, 0, {}, dns_question("printer.local", type_a)));
    scene.send(dns_message(0, 0x8400, {0, 1}, record), endpoint("10.0.0.9", 5353), endpoint("10.0.0.2", 5353),
               Direction::received); // for another address of this machine
    scene.send(dns_message(0, 0x8400, {0, 1}, record), endpoint("10.0.0.9", 5353), scene.here, Direction::received);
    Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(sample.lookups[0].what->answers == std::vector<std::string>{"10.0.0.9"});
    CHECK(sample.lookups[0].what->median_us() == 20'000U);

    scene.ask(dns_message(0, 0, {1, 1}, dns_question("printer.local", type_a) + record));
    scene.now += DnsLookups::patience;
    sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(outcome_text(sample.lookups[0]) == "none");
    CHECK(sample.lookups[0].what->failed == 0);
}

TEST_CASE("dns lookups: a truncated answer waits for the query over TCP, but not for ever")
{
    Scene scene;
    const auto truncate = [&] {
        scene.ask(dns_query(7, "big.example", type_txt));
        scene.reply(dns_answer(7, "big.example", type_txt, "", truncated_flags));
    };
    const auto finish_udp_and_tcp = [&] {
        scene.set_asker(scene.here);
        scene.protocol = Protocol::tcp;
        const Sample sample = scene.finish(DnsLookups::Rest::waits);
        scene.protocol = Protocol::udp;
        return sample;
    };
    truncate();
    CHECK(finish_udp_and_tcp().lookups.empty());
    scene.protocol = Protocol::tcp;
    const Bytes query = dns_query(9, "big.example", type_txt);
    scene.ask(number16(query.size()) + query);
    scene.protocol = Protocol::udp;
    scene.now += 3s;
    CHECK(finish_udp_and_tcp().lookups.empty()); // the answer over TCP is still to come
    scene.protocol = Protocol::tcp;
    const Bytes answer = dns_answer(9, "big.example", type_txt, "");
    scene.reply(number16(answer.size()) + answer);
    scene.protocol = Protocol::udp;
    CHECK(finish_udp_and_tcp().lookups.size() == 2); // both together

    truncate();
    CHECK(finish_udp_and_tcp().lookups.empty());
    scene.now += SampleLookup::follow_up;
    CHECK(finish_udp_and_tcp().lookups.size() == 1);
}

TEST_CASE("dns lookups: addresses follow aliases, and no other names")
{
    Scene scene;
    constexpr std::size_t type_cname = 5;
    scene.ask(dns_query(7, "www.example", type_a));
    scene.reply(dns_message(7, answer_flags, {1, 4},
                            dns_question("www.example", type_a) +
                                dns_record(dns_name("host.example"), type_a, 60, address_bytes("192.0.2.7")) +
                                dns_record(dns_name("WWW.example"), type_cname, 60, dns_name("host.example")) +
                                dns_record(dns_name("else.example"), type_a, 60, address_bytes("192.0.2.8")) +
                                dns_record(dns_name("host.example"), type_a, 60, address_bytes("192.0.2.9"))));
    const Sample sample = scene.finish();
    REQUIRE(sample.lookups.size() == 1);
    CHECK(sample.lookups[0].addresses ==
          std::vector{endpoint("192.0.2.7", 0).address, endpoint("192.0.2.9", 0).address});
}
