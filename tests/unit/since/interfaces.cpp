// SPDX-License-Identifier: MIT
#include "since/interface_marks.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace socktally;

namespace {

InterfaceTraffic interface(const char* name, std::uint32_t index, std::uint64_t rx, std::uint64_t packets = 0)
{
    InterfaceTraffic result{name, rx, 0, packets, 0};
    result.index = index;
    return result;
}

class Runs {
public:
    /// What the interfaces moved.
    std::vector<InterfaceTraffic> run(std::vector<InterfaceTraffic> counters)
    {
        sample = {};
        sample.interfaces = std::move(counters);
        before = advance_interfaces(before ? &*before : nullptr, sample);
        return sample.interfaces;
    }
    bool has_one_note(NoteCode code) const
    {
        return sample.notes.size() == 1 && sample.notes[0].code == code && sample.notes[0].incomplete &&
               sample.notes[0].about == Note::About::window;
    }

    Sample sample;
    std::optional<InterfaceMarks> before;
};

} // namespace

TEST_CASE("since: interfaces have totals in the first run, then what came on top")
{
    Runs runs;
    CHECK(runs.run({interface("eth0", 2, 100, 5)})[0].rx_bytes == 100);
    const auto moved = runs.run({interface("eth0", 2, 150, 6)});
    CHECK(moved[0].rx_bytes == 50);
    CHECK(moved[0].rx_packets == 1);
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("since: an interface that is renamed is the same, and one that gets its name is another")
{
    Runs runs;
    runs.run({interface("eth0", 2, 100)});
    const auto moved = runs.run({interface("wan", 2, 130), interface("eth0", 3, 120)});
    CHECK(moved[0].rx_bytes == 30);
    CHECK(moved[1].rx_bytes == 120);
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("since: an interface that is made anew counts whole, and the old one is gone")
{
    Runs runs;
    runs.run({interface("tun0", 7, 1000)});
    CHECK(runs.run({}).empty());
    CHECK(runs.run({interface("tun0", 8, 1200)})[0].rx_bytes == 1200);
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("since: counters that fell count from 0, and a note says so")
{
    Runs runs;
    runs.run({interface("eth0", 2, 1000, 10)});
    CHECK(runs.run({interface("eth0", 2, 30, 1)})[0].rx_bytes == 30);
    CHECK(runs.has_one_note(NoteCode::counters_reset));
    CHECK(runs.run({interface("eth0", 2, 31, 2)})[0].rx_bytes == 1);
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("since: an interface that was elsewhere does not count its whole life")
{
    Runs runs;
    runs.run({interface("eth0", 2, 10), interface("eth1", 3, 1'000'000)});
    runs.run({interface("eth0", 2, 10)});
    CHECK(runs.run({interface("eth0", 2, 11), interface("eth1", 3, 1'000'500)}).size() == 1);
    CHECK(runs.has_one_note(NoteCode::unseen_before));
    const auto moved = runs.run({interface("eth0", 2, 11), interface("eth1", 3, 1'000'700)});
    CHECK(moved[1].rx_bytes == 200);
    CHECK(runs.sample.notes.empty());
}
