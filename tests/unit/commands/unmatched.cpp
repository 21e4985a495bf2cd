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
    CHECK(messages({}).empty());
    CHECK(messages(filter_of({"pid=5000001", "pid=5000009", "name=curl", "name=node", "name=[exited]", "filter=url",
                              "filter=gin", "unit=nginx", "unit=nginx.service", "unit=brief",
                              "container=" + container_id, "container=aaaaaaaaaaaa", "cgroup=/system.slice"}))
              .empty());
}

TEST_CASE("each value that no process has is a note, with the nearest that one has")
{
    const std::pair<std::vector<std::string>, Messages> cases[] = {
        {{"pid=5000001", "pid=5000003"}, {"has the pid \"5000003\""}},
        {{"name=ngnix", "name=curl", "name=zzz"},
         {"is called \"ngnix\": did you mean \"nginx\"?", "is called \"zzz\""}},
        {{"filter=zz"}, {"has a name that contains \"zz\""}},
        {{"unit=ngnix", "unit=nginx.socket"},
         {"is in the unit \"ngnix\": did you mean \"nginx\"?", "is in the unit \"nginx.socket\""}},
        {{"!unit=ngnix"}, {"is in the unit \"ngnix\": did you mean \"nginx\"?"}},
        {{"cgroup=/system.slice/ngnix.service"},
         {"is in the cgroup \"/system.slice/ngnix.service\": did you mean \"/system.slice/nginx.service\"?"}},
        {{"container=web"}, {"is in the container \"web\""}},
        {{"pod=a\\b"}, {"is in the pod \"a\\\\b\""}},
        {{"command=zz"}, {"has a command line that contains \"zz\""}},
    };
    for (const auto& [terms, expected] : cases) {
        const std::string& first = terms.front();
        CAPTURE(first);
        Messages all;
        for (const std::string& message : expected) {
            all.push_back("no visible process " + message);
        }
        CHECK(messages(filter_of(terms)) == all);
    }
}
