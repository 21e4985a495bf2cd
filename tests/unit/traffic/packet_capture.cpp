// SPDX-License-Identifier: MIT
// The capture at work in a network namespace of its own, where the test may make one; the clock is the test's.
#include "linux/netns.hpp"
#include "traffic/packet/capture.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <system_error>
#include <thread>

using namespace socktally;
using namespace std::chrono_literals;

namespace {

/// False where this is not allowed.
bool enter_new_namespace()
{
    if (::unshare(CLONE_NEWNET) != 0) {
        return false;
    }
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

/// Two UDP sockets on loopback, of which one sends and the other reads.
class Talk {
public:
    Talk()
        : from_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), to_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address = bind(to_);
        bind(from_);
        ok_ = ok_ && ::connect(from_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    void say(std::size_t bytes)
    {
        std::array<char, 1000> text{};
        ok_ = ok_ && ::send(from_.get(), text.data(), bytes, 0) == static_cast<ssize_t>(bytes) &&
              ::recv(to_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(bytes);
    }
    bool is_ok() const { return ok_; }

private:
    sockaddr_in bind(const Fd& socket)
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* name = reinterpret_cast<sockaddr*>(&address);
        ok_ = ok_ && ::bind(socket.get(), name, size) == 0 && ::getsockname(socket.get(), name, &size) == 0;
        return address;
    }

    Fd from_;
    Fd to_;
    bool ok_ = true;
};

struct Outcome {
    bool allowed = true;
    bool talked = false;
    std::vector<Flow> flows;
    Faults faults;
};

/// Beside them is the socket that captures.
std::ptrdiff_t udp_flows(const Outcome& outcome)
{
    return std::count_if(outcome.flows.begin(), outcome.flows.end(),
                         [](const Flow& flow) { return flow.tuple.protocol == Protocol::udp; });
}

void drain_all(Capture& capture)
{
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * PacketRing::block_wait_ms)); // the kernel hands it over
    capture.drain();
}

/// A talk of 3 datagrams, such a silence that its flows are dropped, and 2 more.
Outcome talk_with_a_pause()
{
    Outcome outcome;
    OwnerScanner holders;
    Capture capture(holders, {.detail = FlowSums::Detail::tuples});
    try {
        capture.add_namespace(Inode{own_netns_inode()}, 1);
    } catch (const std::system_error&) {
        outcome.allowed = false;
        return outcome;
    }
    Talk talk;
    holders.scan();
    capture.begin();
    for (const std::size_t bytes : {100U, 200U, 300U}) {
        talk.say(bytes);
    }
    drain_all(capture);
    constexpr auto longer_than_any_flow_is_kept = 2min;
    capture.retire_idle(Capture::Clock::now() + longer_than_any_flow_is_kept);
    talk.say(10);
    talk.say(20);
    capture.end();
    holders.rescan();
    capture.await_packets();
    capture.finish(outcome.flows);
    outcome.faults = capture.faults();
    outcome.talked = talk.is_ok();
    return outcome;
}

} // namespace

TEST_CASE("capture: flows that were idle for long are dropped, and what they moved is kept")
{
    Outcome outcome;
    std::thread([&] {
        if (enter_new_namespace()) {
            outcome = talk_with_a_pause();
        } else {
            outcome.allowed = false;
        }
    }).join();
    if (!outcome.allowed) {
        MESSAGE("skipped: no packets may be captured here");
        return;
    }
    REQUIRE(outcome.talked);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (const Flow& flow : outcome.flows) {
        CHECK(flow.inode != Inode{});
        sent += flow.tx_bytes.value_or(0);
        received += flow.rx_bytes.value_or(0);
    }
    CHECK(sent == 630U);
    CHECK(received == 630U);
    CHECK(udp_flows(outcome) == 4); // both ends, before and after: they were dropped indeed
    CHECK(notes_of(outcome.faults).empty());
}

namespace {

/// What each of three windows has, of which the second is silent.
std::vector<Outcome> talk_over_windows()
{
    std::vector<Outcome> outcomes(3);
    OwnerScanner holders;
    Capture capture(holders, {.detail = FlowSums::Detail::tuples});
    try {
        capture.add_namespace(Inode{own_netns_inode()}, 1);
    } catch (const std::system_error&) {
        outcomes.front().allowed = false;
        return outcomes;
    }
    Talk talk;
    holders.scan();
    capture.begin();
    talk.say(1000);
    for (std::size_t window = 0; window < outcomes.size(); ++window) {
        capture.end();
        if (window != 1) {
            talk.say(100 + window); // it is of the window after, for it comes after the end
        }
        holders.rescan();
        capture.await_packets();
        capture.finish(outcomes[window].flows);
        outcomes[window].faults = capture.faults();
        outcomes[window].talked = talk.is_ok();
        holders.next_window();
        capture.next_window();
    }
    return outcomes;
}

std::uint64_t sent_in(const Outcome& outcome)
{
    std::uint64_t sent = 0;
    for (const Flow& flow : outcome.flows) {
        sent += flow.tx_bytes.value_or(0);
    }
    return sent;
}

} // namespace

TEST_CASE("capture: each packet is of one window, told by when it came")
{
    std::vector<Outcome> outcomes;
    std::thread([&] {
        if (enter_new_namespace()) {
            outcomes = talk_over_windows();
        }
    }).join();
    if (outcomes.empty() || !outcomes.front().allowed) {
        MESSAGE("skipped: no packets may be captured here");
        return;
    }
    REQUIRE(outcomes.back().talked);
    CHECK(sent_in(outcomes[0]) == 1000U);
    CHECK(sent_in(outcomes[1]) == 100U);
    CHECK(sent_in(outcomes[2]) == 0U);
    for (const Outcome& outcome : outcomes) {
        CHECK(udp_flows(outcome) == 2); // both ends, with traffic or without
        CHECK(outcome.faults[Fault::packets_late] == 0);
    }
}

namespace {

/// How many namespaces the second window's beginning was missed in; null where this is not allowed.
std::optional<std::size_t> enter_after_a_talk()
{
    OwnerScanner holders;
    Capture capture(holders, {.detail = FlowSums::Detail::tuples});
    capture.begin();
    Talk talk;
    talk.say(100);
    capture.next_window();
    try {
        capture.add_namespace(Inode{own_netns_inode()}, 1);
    } catch (const std::system_error&) {
        return std::nullopt;
    }
    capture.begin();
    return capture.faults()[Fault::captured_late];
}

} // namespace

TEST_CASE("capture: of a namespace that is entered in a later window the beginning is missing")
{
    std::optional<std::size_t> missed;
    std::thread([&] {
        if (enter_new_namespace()) {
            missed = enter_after_a_talk();
        }
    }).join();
    if (!missed) {
        MESSAGE("skipped: no packets may be captured here");
        return;
    }
    CHECK(missed == 1U);
}

namespace {

std::uint64_t sent_in(PacketWatch& watch)
{
    std::uint64_t sent = 0;
    watch.flows().each([&](const PacketFlow& flow) { sent += flow.tx.payload_bytes; });
    return sent;
}

/// The kernel hands a block over in a while, of which nobody says how long it is on a busy machine.
bool comes_to_pass(const std::function<bool()>& what)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!what()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

/// What two windows have sent, where a packet of the second is taken in the first; empty where this is not allowed.
std::vector<std::uint64_t> talk_across_the_end()
{
    if (!enter_new_namespace()) {
        return {};
    }
    PacketWatch watch(Captured::tcp_and_udp, 1, {});
    watch.begin();
    Talk talk;
    talk.say(100);
    const auto end = std::chrono::system_clock::now().time_since_epoch();
    talk.say(7);
    const auto listed = std::chrono::system_clock::now().time_since_epoch();
    talk.say(20);
    watch.end(end);
    std::vector<std::uint64_t> sent;
    CHECK(comes_to_pass([&] { return watch.drain_until(listed); }));
    watch.close(true);
    CHECK(watch.has_more());
    sent.push_back(sent_in(watch));
    watch.next_window();
    sent.push_back(sent_in(watch));
    CHECK(comes_to_pass([&] {
        watch.drain();
        return !watch.has_more();
    }));
    sent.push_back(sent_in(watch));
    CHECK(talk.is_ok());
    return sent;
}

} // namespace

TEST_CASE("capture: a packet that comes between the end and the list of sockets waits for the next window")
{
    std::vector<std::uint64_t> sent;
    std::thread([&] {
        try {
            sent = talk_across_the_end();
        } catch (const std::system_error&) {
            sent.clear();
        }
    }).join();
    if (sent.empty()) {
        MESSAGE("skipped: no packets may be captured here");
        return;
    }
    CHECK(sent == std::vector<std::uint64_t>{100, 7, 27});
}
