// SPDX-License-Identifier: MIT
// Many at a time and very short: processes and connections; and one that is very slow.
#include "exact.hpp"

#include <sys/wait.h>

#include <vector>

using namespace truth;

namespace {

void join_all(int children)
{
    for (int child = 0; child < children; ++child) {
        int status = 0;
        must(::wait(&status), "wait");
        if (status != 0) {
            throw std::runtime_error("a child failed");
        }
    }
}

} // namespace

TEST_CASE("exact: 200 processes of 2 ms, one after another")
{
    TRUTH_EXACT_ONLY();
    constexpr int processes = 200;
    Stage stage;
    start_server(stage, processes);
    stage.start("t-parent", [](Self& self) {
        self.step();
        for (int process = 0; process < processes; ++process) {
            self.join(self.child("t-child", [](Self& child) { child.visit(local4, small); }));
        }
    });
    check(stage.measure());
}

TEST_CASE("exact: a burst of 64 processes at once")
{
    TRUTH_EXACT_ONLY();
    constexpr int processes = 64;
    Stage stage;
    start_server(stage, processes * 5);
    stage.start("t-parent", [](Self& self) {
        int start[2];
        must(::pipe(start), "pipe");
        for (int process = 0; process < processes; ++process) {
            self.child("t-child-" + std::to_string(process), [&](Self& child) {
                ::close(start[1]);
                char byte = 0;
                must(::read(start[0], &byte, 1), "wait for the start");
                for (int visit = 0; visit < 5; ++visit) {
                    child.visit(local4, small);
                }
            });
        }
        self.step();
        ::close(start[1]); // all of them go on
        join_all(processes);
    });
    check(stage.measure());
}

TEST_CASE("exact: a slow drip")
{
    TRUTH_EXACT_ONLY();
    constexpr int drops = 40;
    Stage stage;
    start_connection(
        stage, [](Self& self, int fd) { self.receive(fd, drops); },
        [](Self& self, int fd) {
            for (int drop = 0; drop < drops; ++drop) {
                self.send(fd, 1);
                self.sleep(20ms);
            }
        });
    check(stage.measure());
}

TEST_CASE("exact: 5,000 small connections")
{
    TRUTH_EXACT_ONLY();
    constexpr int clients = 5;
    constexpr int visits = 1000;
    Stage stage;
    start_server(stage, clients * visits);
    for (int client = 0; client < clients; ++client) {
        stage.start("t-client-" + std::to_string(client), [](Self& self) {
            self.step();
            for (int visit = 0; visit < visits; ++visit) {
                self.visit(local4, small);
            }
        });
    }
    SUBCASE("by process") { check(stage.measure()); }
    SUBCASE("by connection")
    {
        const Measured measured = stage.measure({.arguments = {"--by", "connection"}});
        INFO(describe(measured.report));
        CHECK(measured.report.complete);
        CHECK(measured.report.rows.size() == 2 * clients * visits);
        std::uint64_t odd = 0;
        for (const Row& row : measured.report.rows) {
            const bool server = row.process == "t-server";
            const bool right = row.rx_bytes == (server ? small.request : small.reply) &&
                               row.tx_bytes == (server ? small.reply : small.request);
            odd += right ? 0 : 1;
        }
        CHECK(odd == 0);
    }
}
