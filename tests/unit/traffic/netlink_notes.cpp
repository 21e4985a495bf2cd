// SPDX-License-Identifier: MIT
// What netlink could not see, told once for all network namespaces.
#include "traffic/netlink/notes.hpp"

#include <doctest/doctest.h>

using namespace socktally;

TEST_CASE("what one window of several has missed, or has too much of another one's, makes it incomplete")
{
    NetlinkFaults faults;
    CHECK(notes_of(faults).empty());
    NetlinkFaults more;
    SUBCASE("a connection that is in no list any more, and has not ended") { more.vanished = 2; }
    SUBCASE("one that ended long after it had vanished") { more.belated = 2; }
    SUBCASE("a namespace that was entered late") { more.begun_late = 2; }
    add(faults, more);
    add(faults, more);
    const auto notes = notes_of(faults);
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].incomplete);
    CHECK(notes[0].message.starts_with("4 "));
    CHECK(notes[0].code == (more.begun_late != 0 ? "other-netns" : "sockets-vanished"));
}
