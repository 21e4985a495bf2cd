// SPDX-License-Identifier: MIT
// What the tool owes its user when it is interrupted in the middle of known traffic.
#include "stage.hpp"

#include <signal.h>
#include <sys/wait.h>

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
