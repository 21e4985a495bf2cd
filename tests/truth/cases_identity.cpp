// SPDX-License-Identifier: MIT
// Who processes are: where they were, also of those that are over when the window is.
#include "cgroup.hpp"
#include "open_counter.hpp"
#include "stage.hpp"

#include <unistd.h>

#include <algorithm>

using namespace truth;

namespace {

const Row& row_of(const Report& report, const std::string& process)
{
    const auto found = std::find_if(report.rows.begin(), report.rows.end(),
                                    [&process](const Row& row) { return row.process == process; });
    REQUIRE_MESSAGE(found != report.rows.end(), process);
    return *found;
}

/// How often, of the files that say who a process is, the one was opened that was opened most.
int most_opens()
{
    constexpr int clients = 5;
    Stage stage;
    std::vector<pid_t> pids;
    pids.push_back(stage
                       .start("t-server",
                              [](Self& self) {
                                  const int listener = self.listen(local4);
                                  self.step();
                                  self.serve(listener, 2 * clients, {1'000, 20'000}, Until::owned);
                              })
                       .pid());
    for (int i = 0; i < clients; ++i) {
        pids.push_back(stage
                           .start("t-client",
                                  [](Self& self) {
                                      self.step();
                                      self.visit(local4, {1'000, 20'000}, Until::owned);
                                      self.visit(local4, {1'000, 20'000}, Until::owned);
                                  })
                           .pid());
    }
    socktally::test::OpenCounter opens;
    for (const pid_t pid : pids)
        for (const char* file : {"cgroup", "cmdline"})
            opens.watch("/proc/" + std::to_string(pid) + "/" + file);
    check(stage.measure({.arguments = {"-o", "+ppid,exe,command,unit,container,netns,shared_with"}}));
    const auto counts = opens.count();
    CHECK(counts.size() == 2 * pids.size());
    int most = 0;
    for (const auto& file : counts)
        most = std::max(most, file.second);
    return most;
}

} // namespace

TEST_CASE("identity: the cgroup and unit of a process that is over")
{
    const Cgroup cgroup("socktally-truth-" + unique_digits() + ".service");
    if (!cgroup.is_there())
        TRUTH_SKIP("no cgroup of version 2 can be made here");
    Stage stage;
    stage.start("t-server", [&](Self& self) {
        cgroup.add(::getpid());
        const int listener = self.listen(local4);
        self.step();
        const int fd = self.accept(listener);
        self.exchange(fd, 20'000, 10'000);
    });
    stage.start("t-parent", [&](Self& self) {
        self.step();
        self.join(self.child("t-client", [&](Self& child) { // a zombie could still be read
            cgroup.add(::getpid());
            const int fd = child.connect(local4);
            child.exchange(fd, 10'000, 20'000);
            child.wait_until_owned(fd);
        }));
    });
    const Measured measured = stage.measure({.arguments = {"-o", "+cgroup,unit,netns"}});
    check(measured);
    const Row& server = row_of(measured.report, "t-server");
    CHECK(server.unit == cgroup.path().substr(1));
    CHECK(server.netns == std::to_string(stage.netns().inode()));
    const Row& client = row_of(measured.report, "t-client");
    CHECK(client.cgroup == cgroup.path());
    CHECK(client.unit == cgroup.path().substr(1));
    CHECK_FALSE(measured.report.has_note("identity-unread"));
    CHECK(client.netns == server.netns);
}

TEST_CASE("identity: the others that hold a socket, or move its bytes")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        int start[2];
        must(::pipe(start), "pipe");
        const pid_t child = self.child("t-heir", [=](Self& heir) {
            heir.adopt(fd);
            char byte = 0;
            must(::read(start[0], &byte, 1), "wait for the parent");
            heir.send(fd, 20'000);
            heir.rest();
        });
        self.step();
        self.send(fd, 10'000);
        must(::write(start[1], "", 1), "let the child go on");
        self.await_rest(child);
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        self.receive(fd, 30'000);
    });
    const Measured measured = stage.measure({.arguments = {"-o", "+shared_with"}});
    check(measured, {.complete = false, .sharers = {"t-server", "t-heir"}});
    const auto named = [&](const std::string& process) {
        const auto& truth = measured.truth;
        const auto found =
            std::find_if(truth.begin(), truth.end(), [&](const auto& known) { return known.second.name == process; });
        REQUIRE(found != truth.end());
        return std::to_string(found->first.pid) + " " + process;
    };
    CHECK(row_of(measured.report, "t-client").shared_with.empty());
    for (const auto& [holder, other] : {std::pair("t-server", "t-heir"), std::pair("t-heir", "t-server")}) {
        const auto& rows = measured.report.rows;
        const auto row =
            std::find_if(rows.begin(), rows.end(), [holder = holder](const Row& one) { return one.process == holder; });
        if (row != rows.end() && row->tx_bytes.value_or(0) > 0) { // with all of the socket's bytes, or its own
            CHECK(row->shared_with == named(other));
        }
    }
}

TEST_CASE("identity: the files of each process are read at most once")
{
    int most = most_opens();
    for (int again = 0; again < 2 && most > 1; ++again) // ps(1) opens them too, and whatever else there is
        most = most_opens();
    CHECK(most == 1);
}
