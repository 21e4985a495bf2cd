// SPDX-License-Identifier: MIT
// Measuring: everything is connected and quiet before the tool starts, and quiet again before its window ends.
#include "stage.hpp"

#include <poll.h>

#include <stdexcept>

namespace truth {

Report expect_success(const Output& output)
{
    INFO("standard error: ", output.err);
    REQUIRE(output.status == 0);
    return parse_report(output.out);
}

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto step_limit = 60s;

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

bool Stage::await_until(Clock::time_point time)
{
    const auto deadline = Clock::now() + step_limit;
    for (;;) {
        std::vector<pollfd> waits;
        std::vector<Worker*> running;
        for (const auto& worker : workers_) {
            if (worker->is_running()) {
                running.push_back(worker.get());
                waits.push_back({.fd = worker->fd(), .events = POLLIN, .revents = 0});
            }
        }
        if (running.empty())
            return true;
        for (const Tool* tool : tools_)
            waits.push_back({.fd = tool->trace_fd(), .events = POLLIN, .revents = 0});
        const auto now = Clock::now();
        if (now >= time)
            return false;
        if (now >= deadline)
            throw std::runtime_error(running.front()->name() + " does not come to its next step");
        const auto left = std::chrono::ceil<Milliseconds>(std::min(time, deadline) - now);
        must(::poll(waits.data(), waits.size(), static_cast<int>(left.count())), "poll");
        for (std::size_t i = 0; i < running.size(); ++i) {
            if (waits[i].revents)
                running[i]->note();
        }
        for (std::size_t i = 0; i < tools_.size(); ++i) {
            if (waits[running.size() + i].revents)
                tools_[i]->read_trace();
        }
    }
}

void Stage::add_tool(Tool& tool, const std::string& backend)
{
    const auto number = static_cast<int>(tools_.size());
    tool.tell(ledger_, number);
    tool.wait_until_sampling();
    tools_.push_back(&tool);
    if (backend == "netlink" || backend == "packet")
        ledger_.add_searcher(number);
}

void Stage::let_go()
{
    for (const auto& worker : workers_)
        worker->go();
}

void Stage::advance()
{
    await();
    let_go();
    await();
}

/// The tool at work, and the ledger that takes note of what it says.
class Stage::Watch {
public:
    Watch(Stage& stage, const Place& where, Milliseconds window, const std::vector<std::string>& arguments)
        : stage_(stage), seen_(seen_from(where))
    {
        stage_.await();
        before_ = stage_.ledger_.read(seen_);
        stage_.ledger_.begin_watch();
        tool_.emplace(where, window, arguments);
        stage_.add_tool(*tool_, backend_name());
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch()
    {
        stage_.tools_.clear();
        stage_.ledger_.begin_watch();
    }

    Tool& tool() { return *tool_; }
    Truth moved() const { return since(before_, stage_.ledger_.read(seen_)); }

private:
    Stage& stage_;
    std::optional<std::uint64_t> seen_;
    Truth before_;
    std::optional<Tool> tool_;
};

/// Returns the error with the last lines of the trace.
std::runtime_error Stage::with_trace(const std::exception& error, const Tool& tool)
{
    return std::runtime_error(std::string(error.what()) + "\n" + last_lines(tool.said()));
}

Measured Stage::measure(const How& how)
{
    Watch watch(*this, how.place.value_or(place()), until_told, how.arguments);
    try {
        how.during ? how.during() : advance();
    } catch (const std::exception& error) {
        throw with_trace(error, watch.tool());
    }
    const Truth moved = watch.moved();
    if (how.finish)
        return {how.finish(watch.tool()), moved};
    watch.tool().end_window();
    const Output output = watch.tool().finish();
    return {expect_success(output), moved, Extent::window, output.err};
}

Series Stage::measure_series(int windows, const How& how)
{
    std::vector<std::string> arguments = how.arguments;
    arguments.insert(arguments.end(), {"--count", std::to_string(windows)});
    Watch watch(*this, how.place.value_or(place()), until_told, arguments);
    Tool& tool = watch.tool();
    let_go();
    int ended = 0;
    try {
        while (!await_until(Clock::now() + how.pace)) {
            if (ended < windows - 1) {
                tool.end_window();
                tool.wait_for_windows(++ended);
            } else {
                ledger_.begin_last_window();
            }
        }
    } catch (const std::exception& error) {
        throw with_trace(error, tool);
    }
    const Truth moved = watch.moved();
    while (ended < windows) {
        tool.end_window();
        tool.wait_for_windows(++ended);
    }
    const Output output = tool.finish();
    INFO("standard error: ", output.err);
    REQUIRE(output.status == 0);
    return {parse_reports(output.out), moved, output.err};
}

Series Stage::measure_clocked(int windows, Milliseconds length)
{
    Watch watch(*this, place(), length, {"--count", std::to_string(windows)});
    advance();
    const Truth moved = watch.moved();
    const Output output = watch.tool().finish();
    INFO("standard error: ", output.err);
    REQUIRE(output.status == 0);
    return {parse_reports(output.out), moved, output.err};
}

Measured Stage::totals(const How& how)
{
    await();
    Tool tool(place(), 0ms, how.arguments);
    Report report = expect_success(tool.finish());
    return {std::move(report), ledger_.read(seen_from(place())), Extent::totals};
}

} // namespace truth
