// SPDX-License-Identifier: MIT
// After kill -9, at whatever instant, nothing of the tool is left in the kernel.
#include "exact.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <random>
#include <set>
#include <thread>

using namespace truth;

namespace {

using Clock = std::chrono::steady_clock;
using Ids = std::set<std::uint32_t>;

constexpr std::array kinds{BPF_PROG_GET_NEXT_ID, BPF_MAP_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID};

/// Of every program, map or link on this machine.
Ids ids_of(bpf_cmd next_id)
{
    Ids ids;
    bpf_attr attributes{};
    while (::syscall(SYS_bpf, next_id, &attributes, sizeof attributes) == 0) {
        ids.insert(attributes.next_id);
        attributes.start_id = attributes.next_id;
    }
    if (errno != ENOENT) {
        fail("list what BPF has");
    }
    return ids;
}

struct Inventory {
    std::array<Ids, kinds.size()> ids; // as `kinds`
};

Inventory take_inventory()
{
    Inventory inventory;
    std::transform(kinds.begin(), kinds.end(), inventory.ids.begin(), ids_of);
    return inventory;
}

/// How many of each kind there are now and were not then.
std::array<std::size_t, kinds.size()> added_since(const Inventory& then)
{
    std::array<std::size_t, kinds.size()> added{};
    const Inventory now = take_inventory();
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        Ids fresh;
        std::set_difference(now.ids.at(kind).begin(), now.ids.at(kind).end(), then.ids.at(kind).begin(),
                            then.ids.at(kind).end(), std::inserter(fresh, fresh.end()));
        added.at(kind) = fresh.size();
    }
    return added;
}

/// The kernel frees programs and maps a while after the last descriptor is closed.
bool nothing_left(const Inventory& then)
{
    const auto deadline = Clock::now() + 60s;
    constexpr std::array<std::size_t, kinds.size()> none{};
    while (added_since(then) != none) {
        if (Clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(20ms);
    }
    return true;
}

constexpr Milliseconds window{100};

/// From start to end.
Clock::duration time_of_a_run(const Place& place)
{
    const auto begun = Clock::now();
    Tool tool(place, window);
    expect_success(tool.finish());
    return Clock::now() - begun;
}

} // namespace

TEST_CASE("killed: nothing is left in the kernel, at whatever instant" * doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    constexpr int kills = 60;
    constexpr auto enough = 20s; // one takes a second of the processor where that is emulated
    const unsigned seed = std::random_device{}();
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    Stage stage;
    stage.start("t-busy", [](Self& self) {
        const int fd = self.udp(local4);
        const int listener = self.listen(local4);
        for (;;) {
            self.send_datagram(fd, local4, 100);
            self.receive_datagram(fd);
            const int client = self.connect(local4);
            const int server = self.accept(listener);
            self.send(client, 1000);
            self.receive(server, 1000);
            self.close(client);
            self.close(server);
            self.sleep(1ms);
        }
    });
    const Inventory before = take_inventory();
    {
        Tool tool(stage.place(), 500ms);
        tool.wait_until_sampling();
        const auto in_use = added_since(before);
        CHECK(std::count(in_use.begin(), in_use.end(), 0U) == 0); // what is looked for can be seen
        expect_success(tool.finish());
    }
    REQUIRE(nothing_left(before));

    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(time_of_a_run(stage.place()));
    const auto begun = Clock::now();
    for (int kill = 0; kill < kills && Clock::now() - begun < enough; ++kill) {
        const std::chrono::microseconds instant(std::uniform_int_distribution<long>(0, whole.count())(random));
        const Tool tool(stage.place(), window, {"--by", kill % 2 == 0 ? "process" : "connection"});
        std::this_thread::sleep_for(instant);
    } // whose end is kill -9
    CHECK(nothing_left(before));
}
