// SPDX-License-Identifier: MIT
// The truth suite: known traffic in network namespaces, held against what socktally prints.
// Runs every case once per backend of SOCKTALLY_BACKENDS. Exits with 77 where the machine does not allow namespaces.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "netns.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string>

namespace {

/// Outlives the reporter, which doctest makes and destroys itself.
struct Outcome {
    int passed = 0;
    int failed = 0;
    int skipped = 0;
} outcome;

/// doctest's own output, with a count that knows about skipped cases.
struct Reporter : doctest::ConsoleReporter {
    using ConsoleReporter::ConsoleReporter;

    void test_case_start(const doctest::TestCaseData& data) override
    {
        skipped_ = false;
        ConsoleReporter::test_case_start(data);
    }
    void log_message(const doctest::MessageData& message) override
    {
        skipped_ = skipped_ || std::string(message.m_string.c_str()).starts_with("skipped: ");
        ConsoleReporter::log_message(message);
    }
    void test_case_end(const doctest::CurrentTestCaseStats& stats) override
    {
        ++(!stats.testCaseSuccess ? outcome.failed : skipped_ ? outcome.skipped : outcome.passed);
        ConsoleReporter::test_case_end(stats);
    }

private:
    bool skipped_ = false;
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

int run(int argc, char** argv, const std::string& backend)
{
    ::setenv("SOCKTALLY_BACKEND", backend.c_str(), 1);
    std::printf("backend %s\n", backend.c_str());
    std::fflush(stdout);
    doctest::Context context;
    context.addFilter("reporters", "truth");
    context.applyCommandLine(argc, argv);
    return context.run();
}

} // namespace

int main(int argc, char** argv)
{
    if (const std::string reason = why_not(); !reason.empty()) {
        std::printf("truth: skipped: %s\n", reason.c_str());
        return 77;
    }
    const char* const listed = std::getenv("SOCKTALLY_BACKENDS");
    std::istringstream backends(listed && *listed ? listed : "netlink");
    int status = 0;
    for (std::string backend; backends >> backend;)
        status |= run(argc, argv, backend);
    std::printf("%d passed, %d failed, %d skipped\n", outcome.passed, outcome.failed, outcome.skipped);
    return status;
}
