// SPDX-License-Identifier: MIT
// What the tool owes its user when it is interrupted.
#include "stage.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <random>
#include <thread>

using namespace truth;

TEST_CASE("manners: an interrupt prints what there is, then takes effect")
{
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        CAPTURE(number);
        Stage stage;
        stage.start("t-server", [](Self& self) {
            const int fd = self.accept(self.listen(local4));
            self.step();
            self.exchange(fd, 10'000, 600'000);
        });
        stage.start("t-client", [](Self& self) {
            const int fd = self.connect(local4);
            self.step();
            self.exchange(fd, 600'000, 10'000);
        });
        Output output;
        const Measured measured = stage.measure({.finish = [&](Tool& tool) {
            tool.signal(number);
            output = tool.finish();
            return parse_report(output.out);
        }});
        CHECK(WIFSIGNALED(output.status));
        CHECK(WTERMSIG(output.status) == number);
        CHECK_FALSE(measured.report.complete);
        check(measured, {.complete = false});
    }
}

TEST_CASE("manners: to be stopped for a moment, at whatever instant, is no reason to fail")
{
    std::mt19937 random(1);
    const Stage stage;
    for (int run = 0; run < 20; ++run) {
        Tool tool(stage.place(), 0ms);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
        tool.signal(SIGSTOP);
        tool.signal(SIGCONT);
        const Output output = tool.finish();
        INFO(output.err);
        CHECK(output.status == 0);
    }
}
