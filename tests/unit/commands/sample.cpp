// SPDX-License-Identifier: MIT
// The default command over a backend that makes its windows up: as many windows as asked for, as one stream.
#include "commands/commands.hpp"
#include "linux/interrupt.hpp"
#include "unit/build_sample.hpp"
#include "unit/captured_output.hpp"

#include <doctest/doctest.h>

#include <malloc.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <sstream>

using namespace socktally;
using namespace socktally::test;
using namespace std::chrono_literals;

namespace {

/// In its n-th window process 7 received n bytes. It takes no time.
class MadeUp : public Backend {
public:
    explicit MadeUp(std::uint64_t most) : most_(most) {}
    BackendResult sample(const SampleRequest& request) override
    {
        REQUIRE(++windows_ <= most_);
        BackendResult result;
        result.sample.started_at = std::chrono::system_clock::time_point(1'700'000'000s + windows_ * 1s);
        result.sample.duration = request.window;
        result.sample.backend = "made-up";
        result.sample.processes = {process(7, 1, "seven", Uid{0})};
        Flow received = flow(windows_, 0);
        received.attribution = {0, Cause::none, Quality::exact};
        result.sample.flows = {received};
        happen(windows_, request, result.sample);
        return result;
    }
    std::vector<Note> limits() const override { return {}; }

protected:
    virtual void happen(std::uint64_t /*window*/, const SampleRequest& /*request*/, Sample& /*sample*/) {}

private:
    std::uint64_t windows_ = 0;
    std::uint64_t most_;
};

class Interrupted final : public MadeUp {
public:
    using MadeUp::MadeUp;
    void happen(std::uint64_t window, const SampleRequest& request, Sample& sample) override
    {
        if (window == 2) {
            std::raise(SIGTERM);
            request.interrupt->wait_until(std::chrono::steady_clock::now() + 1h, -1);
            sample.notes.emplace_back(NoteCode::interrupted);
        }
    }
};

/// A signal comes between two windows: the next one is over at once.
class InterruptedBetween final : public MadeUp {
public:
    using MadeUp::MadeUp;
    void happen(std::uint64_t window, const SampleRequest& request, Sample&) override
    {
        if (window == 1) {
            std::raise(SIGTERM);
        } else {
            CHECK(request.interrupt->signal() == SIGTERM);
        }
    }
};

class OfInterfaces final : public MadeUp {
public:
    using MadeUp::MadeUp;
    void happen(std::uint64_t, const SampleRequest&, Sample& sample) override
    {
        sample.interfaces = {{"lo", 5, 5, 1, 1}, {"eth9", 7, 8, 1, 1}};
    }
};

class ShortInTheMiddle final : public MadeUp {
public:
    using MadeUp::MadeUp;
    void happen(std::uint64_t window, const SampleRequest&, Sample& sample) override
    {
        if (window == 2) {
            sample.notes.push_back({NoteCode::events_lost, "some were lost"});
        }
    }
};

template <typename Fake, std::uint64_t most>
OpenResult open(const BackendOptions& options)
{
    CHECK(options.repeated == (most != 1));
    return std::make_unique<Fake>(most);
}

struct Run {
    Exit exit;
    std::string text;
};

/// The output of so many windows of a backend that would complain of one more than `most`.
template <typename Fake, std::uint64_t most>
Run run(std::optional<std::uint64_t> count, const Format* format = find_format("tsv"), const Options& others = {})
{
    Options options = others;
    options.count = count;
    options.format = format;
    options.quiet = true;
    const std::array<BackendEntry, 1> table{{{"made-up", "imagination", open<Fake, most>}}};
    const CapturedOutput output;
    const Exit exit = run_sample(options, table);
    return {exit, output.text()};
}

/// Takes SIGTERM for as long as this lives: run_sample() raises it again at its end.
class TermHandler {
public:
    TermHandler() : before_(std::signal(SIGTERM, [](int) {})) {}
    ~TermHandler() { std::signal(SIGTERM, before_); }
    TermHandler(const TermHandler&) = delete;
    TermHandler& operator=(const TermHandler&) = delete;

private:
    void (*before_)(int);
};

constexpr const char* three_windows = "time\tpid\tprocess\trx_bytes\ttx_bytes\tconnections\tuser\n"
                                      "2023-11-14T22:13:21Z\t7\tseven\t1\t0\t1\troot\n"
                                      "2023-11-14T22:13:22Z\t7\tseven\t2\t0\t1\troot\n"
                                      "2023-11-14T22:13:23Z\t7\tseven\t3\t0\t1\troot\n";

std::size_t count_of(const std::string& text, std::string_view part)
{
    std::size_t count = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

} // namespace

TEST_CASE("windows of lines go on under one header, and a column tells them apart")
{
    CHECK(run<MadeUp, 3>(3).text == three_windows);
    CHECK(run<MadeUp, 1>(1).text.starts_with("time\t"));
    CHECK(run<MadeUp, 1>(std::nullopt).text.starts_with("pid\t"));
    Options bare;
    bare.header = false;
    bare.columns = "rx_bytes";
    CHECK(run<MadeUp, 3>(3, find_format("csv"), bare).text == "1\n2\n3\n");
    CHECK(count_of(run<MadeUp, 3>(3, find_format("csv")).text, "time,pid") == 1);
}

TEST_CASE("rows by interface have the loopback device only if it is named")
{
    Options options;
    options.columns = "interface,rx_bytes";
    options.by = GroupBy("interface");
    const auto rows = [&](const std::vector<std::string>& filters) {
        options.filter = typed(filters);
        return run<OfInterfaces, 1>(std::nullopt, find_format("tsv"), options).text;
    };
    CHECK(rows({}) == "interface\trx_bytes\neth9\t7\n");
    CHECK(rows({"!interface=lo"}) == rows({}));
    CHECK(rows({"interface=lo"}) == "interface\trx_bytes\nlo\t5\n");
    options.by = GroupBy();
    CHECK(run<OfInterfaces, 1>(std::nullopt, find_format("json"), options).text.find("\"lo\"") == std::string::npos);
}

TEST_CASE("other formats have a document, a line or a table for each window")
{
    CHECK(count_of(run<MadeUp, 3>(3, find_format("json")).text, "{\"schema\"") == 3);
    CHECK(run<MadeUp, 3>(3, find_format("json")).text.ends_with("]}\n"));
    const std::string lines = run<MadeUp, 3>(3, find_format("jsonl")).text;
    CHECK(count_of(lines, "\n") == 3);
    CHECK(count_of(lines, "\"ts\":") == 3);
    const std::string tables = run<MadeUp, 3>(3, find_format("pretty")).text;
    CHECK(count_of(tables, "PID") == 3);
    CHECK(count_of(tables, "complete\n\nPID") == 3);
    CHECK(count_of(tables, "\n\n") == 5); // two between windows
}

TEST_CASE("a signal ends the running window, which is printed, and no other begins")
{
    const TermHandler handler;
    const std::string text = run<Interrupted, 2>(0, find_format("json")).text;
    CHECK(count_of(text, "\"complete\":true") == 1);
    CHECK(count_of(text, "\"complete\":false") == 1);
    CHECK(run<InterruptedBetween, 2>(0).text == std::string(three_windows).substr(0, run<MadeUp, 2>(2).text.size()));
}

TEST_CASE("one window that is not complete is enough for --strict, whichever it is")
{
    Options strict;
    strict.strict = true;
    CHECK(run<ShortInTheMiddle, 3>(3, find_format("tsv"), strict).exit == Exit::incomplete);
    CHECK(run<ShortInTheMiddle, 3>(3, find_format("tsv"), strict).text == three_windows);
    CHECK(run<ShortInTheMiddle, 3>(3).exit == Exit::ok);
    CHECK(run<MadeUp, 3>(3, find_format("tsv"), strict).exit == Exit::ok);
}

namespace {

/// What this process holds at the beginning and at the end of a day of windows.
class Watched final : public MadeUp {
public:
    using MadeUp::MadeUp;
    static constexpr std::uint64_t day = 86'400;

    void happen(std::uint64_t window, const SampleRequest&, Sample&) override
    {
        constexpr std::uint64_t settled = 100;
        constexpr std::uint64_t slack = 4096;
        if (window == settled) {
            memory_ = mallinfo2().uordblks;
            files_ = open_files();
        } else if (window == day) {
            CHECK(mallinfo2().uordblks <= memory_ + slack);
            CHECK(open_files() == files_);
        }
    }

private:
    static std::ptrdiff_t open_files()
    {
        const std::filesystem::directory_iterator files("/proc/self/fd");
        return std::distance(begin(files), end(files));
    }

    std::size_t memory_ = 0;
    std::ptrdiff_t files_ = 0;
};

} // namespace

TEST_CASE("a day of windows of a second leaves neither memory nor descriptors behind")
{
    Options options;
    options.columns = "rx_bytes,user";
    options.header = false;
    const std::string text = run<Watched, Watched::day>(Watched::day, find_format("tsv"), options).text;
    std::istringstream lines(text);
    std::uint64_t expected = 0;
    std::string user;
    for (std::uint64_t bytes = 0; lines >> bytes >> user;) {
        REQUIRE(bytes == ++expected);
    }
    CHECK(expected == Watched::day);
}
