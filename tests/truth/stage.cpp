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

namespace {

/// The only namespace whose traffic the tool can see from there; null where it sees all.
std::optional<std::uint64_t> seen_from(const Place& place)
{
    const bool sees_all = bar_of(backend_name()).every_namespace && place.uid == 0;
    return sees_all ? std::nullopt : std::optional(place.net->inode());
}

} // namespace

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
    const auto seen = seen_from(where);
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

Series Stage::measure_series(int windows, const How& how)
{
    const Place where = how.place.value_or(place());
    std::vector<std::string> arguments = how.arguments;
    arguments.insert(arguments.end(), {"--count", std::to_string(windows)});
    await();
    const auto seen = seen_from(where);
    const Truth before = ledger_.read(seen);
    Tool tool(where, how.window, arguments);
    tool.wait_until_sampling();
    advance();
    std::this_thread::sleep_for(50ms); // the last acknowledgements
    const auto over = std::chrono::system_clock::now();
    const Truth after = ledger_.read(seen);
    const Output output = tool.finish(windows);
    INFO("standard error: ", output.err);
    REQUIRE(output.status == 0);
    Series series{parse_reports(output.out), since(before, after)};
    if (series.reports.back().ended_at < over) { // on a busy machine windows are longer, as is what happens in them
        throw std::runtime_error("the traffic outlasted the windows; see SOCKTALLY_TRUTH_SLOWNESS");
    }
    return series;
}

Measured Stage::totals(const How& how)
{
    await();
    Tool tool(place(), 0ms, how.arguments);
    Report report = expect_success(tool.finish());
    return {std::move(report), ledger_.read(seen_from(place())), Extent::totals};
}

} // namespace truth
