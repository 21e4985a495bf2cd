// SPDX-License-Identifier: MIT
// What the backends could not see, told once for all network namespaces.
#include "traffic/faults.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace socktally;

TEST_CASE("no fault is no note, and the faults of all namespaces are one note with their sum")
{
    Faults faults;
    CHECK(notes_of(faults).empty());
    Faults more;
    more[Fault::disappeared] = 2;
    faults += more;
    faults += more;
    const auto notes = notes_of(faults);
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].incomplete);
    CHECK(notes[0].message.starts_with("4 "));
    CHECK(notes[0].code == NoteCode::sockets_vanished);
}

TEST_CASE("each fault has its row in the table, and words with a count, one or several")
{
    std::set<std::string> messages;
    for (std::size_t i = 0; i < Faults::kinds; ++i) {
        for (const std::uint64_t count : {1UL, 7UL}) {
            Faults faults;
            faults[static_cast<Fault>(i)] = count;
            const auto notes = notes_of(faults);
            CAPTURE(i);
            REQUIRE(notes.size() == 1);
            CHECK(notes[0].message.find('{') == std::string::npos);
            messages.insert(notes[0].message);
        }
    }
    CHECK(messages.size() > Faults::kinds);
    Faults one;
    one[Fault::ended_unread] = 1;
    CHECK(notes_of(one)[0].message.starts_with("1 connection was reset"));
    one[Fault::ended_unread] = 2;
    CHECK(notes_of(one)[0].message.starts_with("2 connections were reset"));
}
