// SPDX-License-Identifier: MIT
// Measuring: everything is connected and quiet before the tool starts, and quiet again before its window ends.
#include "stage.hpp"

#include <thread>

namespace truth {

Report expect_success(const Output& output)
{
    INFO("standard error: ", output.err);
    REQUIRE(output.status == 0);
    return parse_report(output.out);
}

Worker& Stage::start(const std::string& name, const Self::Script& script) { return start(name, place(), script); }

Worker& Stage::start(const std::string& name, const Place& place, const Self::Script& script)
{
    return *workers_.emplace_back(std::make_unique<Worker>(ledger_, place, name, script));
}

void Stage::await()
{
    for (const auto& worker : workers_)
        worker->await();
}

void Stage::advance()
{
    await();
    for (const auto& worker : workers_)
        worker->go();
    await();
}

Measured Stage::measure(const How& how)
{
    const Place where = how.place.value_or(place());
    await();
    const auto seen = bar_of(backend_name()).every_namespace ? std::nullopt : std::optional(where.net->inode());
    const Truth before = ledger_.read(seen);
    Tool tool(where, how.window, how.arguments);
    tool.wait_until_sampling();
    how.during ? how.during() : advance();
    std::this_thread::sleep_for(50ms); // the last acknowledgements
    tool.expect_in_window();
    const Truth after = ledger_.read(seen);
    Report report = how.finish ? how.finish(tool) : expect_success(tool.finish());
    return {std::move(report), since(before, after)};
}

Measured Stage::totals()
{
    await();
    Tool tool(place(), 0ms);
    Report report = expect_success(tool.finish());
    return {std::move(report), ledger_.read(netns_.inode())};
}

} // namespace truth
