// SPDX-License-Identifier: MIT
#include "traffic/dns/message.hpp"

#include "traffic/dns/tcp_messages.hpp"
#include "unit/dns_bytes.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr std::size_t type_a = 1;
constexpr std::size_t type_cname = 5;
constexpr std::size_t type_opt = 41;

std::string name_of(const Bytes& name)
{
    const auto message = parse_dns(dns_message(1, query_flags, {}, name + number16(type_a) + number16(1)));
    return message ? message->questions.front().name : "malformed";
}

} // namespace

TEST_CASE("dns message: a query")
{
    const auto message = parse_dns(dns_query(77, "WwW.Example.org", 28));
    REQUIRE(message);
    CHECK(message->id == 77);
    CHECK(!message->is_answer);
    REQUIRE(message->questions.size() == 1);
    CHECK(message->questions[0].name == "WwW.Example.org"); // as asked
    CHECK(to_string(message->questions[0].type) == "AAAA");
}

TEST_CASE("dns message: an answer with an alias, by compression, and with EDNS")
{
    const Bytes rest = dns_question("www.example.org", type_a) +
                       dns_record(pointer_to(question_place), type_cname, 300, text_bytes("\3web") + pointer_to(16)) +
                       dns_record(text_bytes("\3web") + pointer_to(16), type_a, 60, address_bytes("192.0.2.7")) +
                       dns_record(bytes({0}), type_opt, 1U << 24U, {});
    const auto message = parse_dns(dns_message(1, answer_flags, {1, 2, 0, 1}, rest));
    REQUIRE(message);
    CHECK(message->is_answer);
    CHECK(message->code == 16); // BADVERS, half of it in EDNS
    REQUIRE(message->answers.size() == 2);
    CHECK(message->answers[0].data == "web.example.org");
    CHECK(message->answers[1].name == "web.example.org");
    CHECK(message->answers[1].data == "192.0.2.7");
    CHECK(message->answers[1].ttl_s == 60);
}

TEST_CASE("dns message: names are escaped as in master files")
{
    CHECK(name_of(bytes({0})) == ".");
    CHECK(name_of(text_bytes("\3a.b\3c\\d") + bytes({0})) == "a\\.b.c\\\\d");
    CHECK(name_of(text_bytes("\4\"a b") + bytes({0})) == "\\\"a\\032b");
    CHECK(name_of(bytes({3, 3, 0, 0xff, 0})) == "\\003\\000\\255");
    CHECK(name_of(text_bytes("\3a,b") + bytes({0})) == "a\\,b");
}

TEST_CASE("dns message: pointers only lead back, names have limits")
{
    CHECK(name_of(pointer_to(question_place)) == "malformed");     // to itself
    CHECK(name_of(pointer_to(question_place + 2)) == "malformed"); // ahead
    CHECK(name_of(bytes({0x80, 0})) == "malformed");               // a type of label that there is not
    Bytes longest;
    for (int label = 0; label < 3; ++label) {
        longest = longest + bytes({63}) + Bytes(63, std::byte{'a'});
    }
    CHECK(name_of(longest + bytes({61}) + Bytes(61, std::byte{'a'}) + bytes({0})).size() == 253);
    CHECK(name_of(longest + bytes({62}) + Bytes(62, std::byte{'a'}) + bytes({0})) == "malformed");
    // A name of 0x0c labels, each of which the next one points to, does not loop.
    const Bytes twice = dns_question("a.example", type_a) + pointer_to(question_place) + number16(type_a) + number16(1);
    const auto message = parse_dns(dns_message(1, query_flags, {2}, twice));
    REQUIRE(message);
    CHECK(message->questions[1].name == "a.example");
}

TEST_CASE("dns message: nothing is read past the end")
{
    const Bytes whole = dns_answer(5, "host.example", type_a, "192.0.2.1");
    REQUIRE(parse_dns(whole));
    const std::size_t questions_end = question_place + dns_question("host.example", type_a).size();
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        const std::span<const std::byte> part(whole.data(), length);
        CHECK(!parse_dns(part));
        const auto begun = parse_dns(part, false); // the first fragment
        CHECK(begun.has_value() == (length >= questions_end));
        CHECK((!begun || begun->is_cut));
    }
}

TEST_CASE("dns message: a record that cannot be read ends the message, more questions than are kept do not")
{
    const Bytes good = dns_record(bytes({0}), type_a, 0, bytes({1, 2, 3, 4}));
    const Bytes odd = dns_record(bytes({0x80}), type_a, 0, bytes({1, 2, 3, 4}));
    const auto message = parse_dns(dns_message(1, answer_flags, {0, 3}, good + odd + good));
    REQUIRE(message);
    CHECK(message->is_cut);
    CHECK(message->answers.size() == 1);

    Bytes questions;
    for (std::size_t i = 0; i < 40; ++i) {
        questions = questions + dns_question("a" + std::to_string(i), type_a);
    }
    const auto query = parse_dns(dns_message(1, query_flags, {40}, questions));
    REQUIRE(query);
    CHECK(query->questions.size() == DnsMessage::most_questions);
}

TEST_CASE("dns message: a name follows at most 127 pointers")
{
    const auto with_pointers = [](std::size_t count) { // the data of a text has the links, the next name the last one
        const std::size_t data = question_place + 11;
        Bytes links = bytes({1, 'a', 0});
        for (std::size_t i = 0; i + 1 < count; ++i) {
            links = links + pointer_to(i == 0 ? data : data + 3 + 2 * (i - 1));
        }
        const std::size_t last = data + links.size() - 2;
        return parse_dns(dns_message(1, answer_flags, {0, 2},
                                     dns_record(bytes({0}), 16, 0, links) +
                                         dns_record(pointer_to(last), type_a, 0, bytes({1, 2, 3, 4}))));
    };
    CHECK(with_pointers(127)->answers.size() == 2);
    CHECK(with_pointers(127)->answers.at(1).name == "a");
    CHECK(with_pointers(128)->is_cut);
}

TEST_CASE("dns message: data of the wrong length")
{
    const auto with = [](std::size_t type, const Bytes& data) {
        return parse_dns(dns_message(1, answer_flags, {0, 1}, dns_record(bytes({0}), type, 0, data)));
    };
    const auto data = [&](std::size_t type, const Bytes& bytes) { return with(type, bytes)->answers.at(0).data; };
    CHECK(data(type_a, bytes({1, 2, 3, 4})) == "1.2.3.4");
    CHECK(data(type_a, bytes({1, 2, 3})).empty()); // the record is odd, but the message is one
    CHECK(data(28, zeros(4)).empty());
    CHECK(data(type_cname, bytes({1, 'a'})).empty()); // runs on behind the data
    CHECK(data(type_cname, bytes({1, 'a', 0, 0})).empty());
    CHECK(data(15, bytes({0})).empty());
    CHECK(with(33, bytes({0, 1, 0, 2, 0, 80, 1, 'h', 0}))->answers[0].data == "h");
    CHECK(with(16, text_bytes("\5hello"))->answers[0].data.empty()); // texts are not kept
}

TEST_CASE("dns over tcp: messages span segments, which come in any order and twice")
{
    const Bytes first = dns_query(1, "first.example", type_a);
    const Bytes second = dns_query(2, "second.example", type_a);
    const Bytes stream = number16(first.size()) + first + number16(second.size()) + second;
    const auto part = [&](std::size_t begin, std::size_t end) {
        return std::span<const std::byte>(stream).subspan(begin, end - begin);
    };
    constexpr std::uint32_t isn = 0xfffffff0U; // wraps round
    const auto number = [](std::size_t place) { return static_cast<std::uint32_t>(isn + 1 + place); };
    std::vector<Bytes> messages;
    const auto take = [&](std::span<const std::byte> message) {
        messages.emplace_back(message.begin(), message.end());
    };
    TcpMessages segments;
    segments.begin(isn);
    const std::size_t end = stream.size();
    segments.add(number(40), part(40, end), take);
    segments.add(number(20), part(20, 45), take);
    CHECK(messages.empty());
    segments.add(number(0), part(0, 1), take);
    segments.add(number(0), part(0, 30), take); // again, and more
    CHECK(messages == std::vector<Bytes>{first, second});
    CHECK(segments.bytes() == 0);
    segments.add(number(0), part(0, end), take); // all of it again
    CHECK(messages.size() == 2);
    CHECK(!segments.is_lost());
}

TEST_CASE("dns over tcp: a gap that never closes is given up")
{
    TcpMessages segments;
    segments.begin(0);
    const Bytes filler = zeros(1400);
    const auto ignore = [](std::span<const std::byte>) {};
    for (std::uint32_t i = 1; i < 100 && !segments.is_lost(); ++i) {
        segments.add(1 + i * 1400, filler, ignore);
    }
    CHECK(segments.is_lost());
    CHECK(segments.bytes() == 0);
    segments.begin(1);
    CHECK(!segments.is_lost());
}
