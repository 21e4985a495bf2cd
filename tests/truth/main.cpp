// SPDX-License-Identifier: MIT
// The truth suite: known traffic in network namespaces, held against what socktally prints.
// Runs every case once per backend of SOCKTALLY_BACKENDS, SOCKTALLY_TRUTH_JOBS of them at a time (1 if not set) but for
// those of the suite "alone". With SOCKTALLY_SOAK the suite "soak" instead, one at a time. With
// SOCKTALLY_TRUTH_STEAL=SEED processes are stopped at random (thief.hpp). Exits with 77 where the machine does not
// allow namespaces.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "ledger.hpp"
#include "netns.hpp"
#include "stage.hpp"
#include "thief.hpp"
#include "turns.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <sstream>
#include <string>

namespace {

using truth::Hall;
using truth::Outcome;

/// Outlives the reporter, which doctest makes and destroys itself.
struct Seen {
    unsigned cases = 0; // that pass the filters
    bool skipped = false;
} seen;

/// doctest's own output about one case, without a frame around it.
struct Reporter : doctest::ConsoleReporter {
    using ConsoleReporter::ConsoleReporter;

    void report_query(const doctest::QueryData& data) override
    {
        seen.cases = data.run_stats->numTestCasesPassingFilters;
    }
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats& /*stats*/) override {}
};
REGISTER_REPORTER("truth", 1, Reporter);

/// Empty where everything the suite stands on is allowed.
std::string why_not()
{
    if (::geteuid() != 0)
        return "not root";
    try {
        const truth::Netns probe;
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

/// The cases that pass doctest's options and are of some suites.
struct Cases {
    int argc;
    char** argv;
    const char* filter; // of doctest
    const char* suites; // for it
};

void select(doctest::Context& context, const Cases& cases)
{
    context.addFilter("reporters", "truth");
    context.addFilter(cases.filter, cases.suites);
    context.applyCommandLine(cases.argc, cases.argv);
}

unsigned count(const Cases& cases)
{
    doctest::Context context;
    select(context, cases);
    const std::array<const char*, 2> only_count{"truth", "--count"};
    context.applyCommandLine(static_cast<int>(only_count.size()), only_count.data());
    context.run();
    return seen.cases;
}

int play(const Cases& cases, unsigned number)
{
    truth::begin_case(static_cast<unsigned>(::getpid()));
    doctest::Context context;
    select(context, cases);
    context.setOption("first", static_cast<int>(number));
    context.setOption("last", static_cast<int>(number));
    std::optional<truth::Thief> thief;
    truth::Thief::hire(thief, number);
    const int status = context.run();
    return status == 0 && seen.skipped ? truth::skipped_status : status;
}

Outcome run(const Cases& cases, unsigned at_once, Hall hall)
{
    return truth::run_turns(count(cases), at_once, hall, [&](unsigned number) { return play(cases, number); });
}

unsigned jobs()
{
    const char* const text = std::getenv("SOCKTALLY_TRUTH_JOBS");
    return text ? static_cast<unsigned>(std::max(1L, std::strtol(text, nullptr, 10))) : 1;
}

Outcome run(int argc, char** argv, const std::string& backend)
{
    ::setenv("SOCKTALLY_BACKEND", backend.c_str(), 1);
    std::printf("backend %s\n", backend.c_str());
    const Hall hall = backend == "ebpf" ? Hall::shared : Hall::own;
    if (std::getenv("SOCKTALLY_SOAK")) {
        return run({argc, argv, "test-suite", "soak"}, 1, hall);
    }
    Outcome outcome = run({argc, argv, "test-suite-exclude", "alone,soak"}, jobs(), hall);
    outcome += run({argc, argv, "test-suite", "alone"}, 1, hall);
    return outcome;
}

} // namespace

namespace truth {

void tell_skipped(const char* why)
{
    seen.skipped = true;
    std::printf("skipped: %s: %s\n", doctest::getContextOptions()->currentTest->m_name, why);
}

} // namespace truth

int main(int argc, char** argv)
{
    if (const std::string reason = why_not(); !reason.empty()) {
        std::printf("truth: skipped: %s\n", reason.c_str());
        return 77;
    }
    {
        doctest::Context context(argc, argv);
        if (context.shouldExit()) { // it is asked for help, or a list
            return context.run();
        }
    }
    const char* const listed = std::getenv("SOCKTALLY_BACKENDS");
    std::istringstream backends(listed && *listed ? listed : "netlink");
    truth::begin_register();
    Outcome outcome;
    for (std::string backend; backends >> backend;)
        outcome += run(argc, argv, backend);
    truth::end_register();
    std::printf("%d passed, %d failed, %d skipped\n", outcome.passed, outcome.failed, outcome.skipped);
    return outcome.failed == 0 ? 0 : 1;
}
