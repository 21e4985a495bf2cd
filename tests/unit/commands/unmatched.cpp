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

/// The messages of the notes with this code, where these processes live and the sample has one of its own that is over.
std::vector<std::string> messages(const Filter& filter, NoteCode code = NoteCode::filter_unmatched,
                                  bool is_list = false)
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
    sample.flows = {flow(1, 0)};
    sample.flows[0].attribution = {0, Cause::none, Quality::exact}; // of curl
    add_unmatched_notes(sample, filter, identifier, is_list);
    std::vector<std::string> result;
    for (const Note& note : sample.notes) {
        CHECK_FALSE(note.incomplete);
        if (note.code == code) {
            result.push_back(note.message);
        }
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

TEST_CASE("a process that is there but idle is told from one that is not")
{
    const auto idle = [](const std::vector<std::string>& terms, bool is_list = false) {
        return messages(filter_of(terms), NoteCode::filter_idle, is_list);
    };
    CHECK(idle({"unit=nginx"}) == Messages{"a process is in the unit \"nginx\", but no traffic of it was seen"});
    CHECK(idle({"unit=brief"}) == Messages{"a process is in the unit \"brief\", but no traffic of it was seen"});
    CHECK(idle({"pid=5000001", "port=80"}, true) ==
          Messages{"a process has the pid \"5000001\", but none of its sockets is listed"});
    CHECK(idle({"name=nginx", "name=node"}).size() == 2);
    CHECK(idle({"name=curl"}).empty());
    CHECK(idle({"name=nginx", "name=curl"}).empty()); // one of them moved bytes
    CHECK(idle({"name=nginx", "name=zzz"}).empty());  // the note about zzz says enough
    CHECK(idle({"!name=nginx"}).empty());
    CHECK(idle({"port=80"}).empty());
}

TEST_CASE("each value that no process has is a note, with the nearest that one has")
{
    const std::pair<std::vector<std::string>, Messages> cases[] = {
        {{"pid=5000001", "pid=5000003"}, {"has the pid \"5000003\""}},
        {{"name=ngnix", "name=curl", "name=zzz"},
         {"is called \"ngnix\": did you mean \"nginx\"?", "is called \"zzz\""}},
        {{"filter=zz"}, {"has a name that contains \"zz\""}},
        {{"unit=ngnix", "unit=nginx.socket"},
         {"is in the unit \"ngnix\": did you mean \"nginx\"?",
          "is in the unit \"nginx.socket\": did you mean \"nginx\"?"}},
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
