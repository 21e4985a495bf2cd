// SPDX-License-Identifier: MIT
// What is said of filters that no process has what they ask for.
#include "commands/unmatched.hpp"
#include "fixture_proc.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

namespace {

const std::string container_id = std::string(60, 'a') + "beef";

/// The messages of the notes, where these processes live and the sample has one of its own that is over.
std::vector<std::string> messages(const Filter& filter)
{
    FixtureProc proc;
    proc.apply("process 5000001 7 0 nginx\ncgroup 0::/system.slice/nginx.service\n"
               "process 5000002 8 0 node\ncgroup 0::/docker/" +
               container_id + "\n");
    IdentityNeeds needs;
    needs.cgroup = true;
    Identifier identifier(needs, {proc.root(), proc.namespaces(), {proc.root()}});
    Sample sample;
    sample.processes = {process(5000009, 9, "curl", Uid{0})};
    Identity of_socket; // of a process that was not found
    of_socket.unit = "brief.service";
    sample.groups = {{7, std::make_shared<const Identity>(of_socket)}, {8, nullptr}};
    add_unmatched_notes(sample, filter, identifier);
    std::vector<std::string> result;
    for (const Note& note : sample.notes) {
        CHECK(note.code == NoteCode::filter_unmatched);
        CHECK_FALSE(note.incomplete);
        result.push_back(note.message);
    }
    return result;
}

using Messages = std::vector<std::string>;

} // namespace

TEST_CASE("nothing is said of what some process is, whether it moved anything or not, or is over")
{
    Filter filter;
    CHECK(messages(filter).empty());
    filter.pids = {Pid{5000001}, Pid{5000009}};
    filter.names = {"curl", "node", "[exited]"};
    filter.substrings = {"url", "gin"};
    filter.units = {"nginx", "nginx.service", "brief"};
    filter.containers = {container_id, "aaaaaaaaaaaa"};
    CHECK(messages(filter).empty());
}

TEST_CASE("each value that no process has is a note, with the nearest that one has")
{
    Filter filter;
    filter.pids = {Pid{5000001}, Pid{5000003}};
    CHECK(messages(filter) == Messages{"no visible process has the pid \"5000003\""});
    filter = {};
    filter.names = {"ngnix", "curl", "zzz"};
    CHECK(messages(filter) == Messages{"no visible process is called \"ngnix\": did you mean \"nginx\"?",
                                       "no visible process is called \"zzz\""});
    filter = {};
    filter.substrings = {"zz"};
    CHECK(messages(filter) == Messages{"no visible process has a name that contains \"zz\""});
    filter = {};
    filter.units = {"ngnix", "nginx.socket"};
    CHECK(messages(filter) == Messages{"no visible process is in the unit \"ngnix\": did you mean \"nginx\"?",
                                       "no visible process is in the unit \"nginx.socket\""});
    filter = {};
    filter.containers = {"web"};
    CHECK(messages(filter) == Messages{"no visible process is in the container \"web\""});
    filter = {};
    filter.pods = {"a\nb"};
    CHECK(messages(filter) == Messages{"no visible process is in the pod \"a\\nb\""});
}
