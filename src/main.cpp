// SPDX-License-Identifier: MIT
// Parse, run, print the error, choose the exit code.
#include "cli/options.hpp"
#include "commands/commands.hpp"
#include "sys/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>

namespace {

using namespace socktally;

Exit run(const Options& options)
{
    switch (options.command) {
    case Command::help:
    case Command::version: write_all(STDOUT_FILENO, options.text, "standard output"); return Exit::ok;
    case Command::list_columns: return run_list_columns(options);
    case Command::doctor: return run_doctor(options, backends());
    case Command::sample: return run_sample(options, backends());
    }
    return Exit::failed;
}

void complain(const char* message) { fmt::print(stderr, "socktally: {}\n", message); }

} // namespace

int main(int argc, char** argv)
{
    occupy_standard_streams();
    Exit exit = Exit::failed;
    try {
        exit = run(parse_options(argc, argv));
    } catch (const UsageError& error) {
        complain(error.what());
        exit = Exit::usage;
    } catch (const BackendUnavailable& error) {
        complain(error.what());
        if (!error.remedy.empty()) {
            fmt::print(stderr, "  to fix it: {}\n", error.remedy);
        }
        exit = Exit::unavailable;
    } catch (const std::system_error& error) {
        if (error.code().value() != EPIPE) { // a reader that has seen enough is no error
            complain(error.what());
        }
    } catch (const std::exception& error) {
        complain(error.what());
    }
    return static_cast<int>(exit);
}
