// SPDX-License-Identifier: MIT
// Process ids that come again within the window: each process is one for itself.
#include "exact.hpp"
#include "storm.hpp"

#include <algorithm>

using namespace truth;

TEST_CASE("exact: a pid that comes again in the window has a row for each of its processes" *
          doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    if (!can_restart_pids()) {
        TRUTH_SKIP("this kernel has no ns_last_pid");
    }
    constexpr pid_t pid = 500;
    constexpr std::uint64_t lives = 5;
    const PidSpace pids;
    Stage stage;
    const Place place{.net = &stage.netns(), .pids = &pids};
    start_server(stage, place, lives * (lives + 1) / 2);
    stage.start("t-parent", place, [](Self& self) {
        self.step();
        for (std::uint64_t life = 1; life <= lives; ++life) {
            restart_pids(pid);
            const pid_t taken = self.child("t-life-" + std::to_string(life), [life](Self& child) {
                for (std::uint64_t visit = 0; visit < life; ++visit) {
                    child.visit(local4, small);
                }
            });
            self.join(taken);
            if (taken != pid) {
                throw std::runtime_error("the pid did not come again");
            }
            self.sleep(20ms); // the next one starts at another tick of the clock
        }
    });
    const Measured measured = stage.measure({.arguments = ours_only, .place = place});
    check(measured);
    std::uint64_t rows = 0;
    for (const Row& row : measured.report.rows) {
        if (row.pid != pid) {
            continue;
        }
        ++rows;
        const auto& all = measured.report.rows;
        CHECK(std::count_if(all.begin(), all.end(), [&](const Row& other) { return other.process == row.process; }) ==
              1);
        CHECK(row.process == "t-life-" + std::to_string(row.tx_bytes.value_or(0) / small.request));
    }
    CHECK(rows == lives);
}
