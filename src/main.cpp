// SPDX-License-Identifier: MIT
// Parses the options, runs the command, prints the error, chooses the exit code.
#include "cli/options.hpp"
#include "commands/commands.hpp"
#include "linux/terminal.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>

namespace {

using namespace socktally;

/// Returns the options of the command line. If the environment variable SOCKTALLY_TRACE is 1, adds -vv. This is meant
/// for a socktally that another program starts.
Options options_of(int argc, char** argv)
{
    Options options = parse_options(argc, argv);
    const char* trace = std::getenv("SOCKTALLY_TRACE"); // NOLINT(concurrency-mt-unsafe): one thread
    if (trace != nullptr && std::string_view(trace) == "1") {
        options.verbose = options.trace = true;
    }
    return options;
}

Exit run(const Options& options, const Surroundings& surroundings)
{
    switch (options.command) {
    case Command::help:
    case Command::version: write_all(STDOUT_FILENO, options.text, "standard output"); return Exit::ok;
    case Command::list_columns: return run_list_columns(options);
    case Command::list_options: return run_list_options(options);
    case Command::doctor: return run_doctor(options, backends());
    case Command::report: return run_report(options);
    case Command::ports: return run_ports(options, socket_lists());
    case Command::dns: return run_sample(options, lookup_readers());
    case Command::run: return run_command(options, backends(), surroundings);
    case Command::sample: return run_sample(options, backends());
    }
    return Exit::failed;
}

/// Returns the exit code of `command` for an error without an exit code of its own, such as a lack of memory.
Exit failure_of(Command command)
{
    return command == Command::ports ? Exit::unavailable : command == Command::run ? Exit::not_run : Exit::failed;
}

} // namespace

int main(int argc, char** argv)
{
    const Surroundings surroundings;
    Exit exit = Exit::failed;
    try {
        const Options options = options_of(argc, argv);
        exit = failure_of(options.command);
        exit = run(options, surroundings);
    } catch (const UsageError& error) {
        say(error.what());
        exit = error.command == Command::run || exit == Exit::not_run ? Exit::not_run : Exit::usage;
    } catch (const BackendUnavailable& error) {
        say(error.what());
        if (!error.remedy.empty()) {
            say("to fix it: " + error.remedy);
        }
        exit = exit == Exit::not_run ? exit : Exit::unavailable;
    } catch (const std::system_error& error) {
        if (error.code().value() == EPIPE) { // the reader has closed the pipe: end by SIGPIPE, as other programs do
            surroundings.restore();
            std::raise(SIGPIPE);
        } else {
            say(error.what());
        }
    } catch (const std::bad_alloc&) {
        say("out of memory");
    } catch (const std::exception& error) {
        say(error.what());
    }
    return static_cast<int>(exit);
}
