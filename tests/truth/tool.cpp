// SPDX-License-Identifier: MIT
// Starting the tool, knowing when it has begun to sample, collecting what it prints.
#include "tool.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace truth {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto start_limit = 10s;  // from exec to the first snapshot
constexpr auto finish_limit = 20s; // from the window's end to the last byte of output
constexpr auto margin = 100ms;     // what a clock here and a clock there may differ

std::string setting(const char* name, const char* otherwise)
{
    const char* value = std::getenv(name);
    return value && *value ? value : otherwise;
}

std::vector<std::string> command_line(Milliseconds window, const std::vector<std::string>& arguments)
{
    std::vector<std::string> line{"socktally", "-b",   backend_name(), "-d", std::to_string(window.count()) + "ms",
                                  "-f",        "json", "--all"};
    line.insert(line.end(), arguments.begin(), arguments.end());
    return line;
}

/// Becomes the program. By descriptor, so that a user who may not walk to its directory can run it too.
void exec(int program, const std::vector<std::string>& line)
{
    std::vector<char*> argv;
    for (const std::string& argument : line)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::alarm(0);
    ::fexecve(program, argv.data(), environ);
    fail("start " + tool_path());
}

/// The state letter of a stat file of /proc; X where its process or thread is gone.
char state_in(const std::filesystem::path& path)
{
    std::ifstream file(path);
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name_end = stat.rfind(')');
    return name_end == std::string::npos || name_end + 2 >= stat.size() ? 'X' : stat[name_end + 2];
}

/// One that works for the others keeps the process awake: while it opens, the first thread waits for another.
bool all_threads_sleep(const std::filesystem::path& process)
{
    std::error_code gone;
    for (const auto& thread : std::filesystem::directory_iterator(process / "task", gone)) {
        if (state_in(thread.path() / "stat") != 'S')
            return false;
    }
    return !gone;
}

/// Appends what there is; closes the descriptor at its end.
void read_some(Fd& from, std::string& to)
{
    std::array<char, 65'536> buffer;
    const ssize_t got = must(::read(from.get(), buffer.data(), buffer.size()), "read from the tool");
    if (got == 0)
        from.reset();
    to.append(buffer.data(), static_cast<std::size_t>(got));
}

} // namespace

std::string tool_path() { return setting("SOCKTALLY", "./socktally"); }
std::string backend_name() { return setting("SOCKTALLY_BACKEND", "netlink"); }

Tool::Tool(const Place& place, Milliseconds window, const std::vector<std::string>& arguments)
    : window_(stretched(window)), started_(Clock::now())
{
    int out[2];
    int err[2];
    must(::pipe2(out, O_CLOEXEC), "pipe");
    out_ = Fd(out[0]);
    const Fd out_writer(out[1]);
    must(::pipe2(err, O_CLOEXEC), "pipe");
    err_ = Fd(err[0]);
    const Fd err_writer(err[1]);
    const Fd program(must(::open(tool_path().c_str(), O_RDONLY | O_CLOEXEC), tool_path().c_str()));
    const auto line = command_line(window_, arguments);
    pid_ = fork_in(place, [&] {
        must(::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO), "dup2");
        must(::dup2(out_writer.get(), STDOUT_FILENO), "dup2");
        must(::dup2(err_writer.get(), STDERR_FILENO), "dup2");
        exec(program.get(), line);
    });
}

Tool::~Tool()
{
    if (pid_ > 0)
        end(pid_);
}

void Tool::wait_until_sampling()
{
    constexpr int looks = 5;    // asleep at so many looks in a row; a dump does not sleep
    constexpr auto pause = 7ms; // no part of the tool's own intervals: on one processor they would stay in step
    const std::filesystem::path process("/proc/" + std::to_string(pid_));
    int asleep = 0;
    std::this_thread::sleep_for(20ms);
    while (asleep < looks) {
        std::this_thread::sleep_for(pause);
        const char state = state_in(process / "stat");
        if (state == 'Z' || state == 'X')
            return; // finish() will tell why
        asleep = all_threads_sleep(process) ? asleep + 1 : 0;
        if (Clock::now() - started_ > start_limit)
            throw std::runtime_error("the tool does not begin to sample");
    }
}

void Tool::expect_in_window() const
{
    if (Clock::now() - started_ + margin > window_)
        throw std::runtime_error("the traffic outlasted the window; see SOCKTALLY_TRUTH_SLOWNESS");
}

void Tool::signal(int number) const { must(::kill(pid_, number), "signal the tool"); }

Output Tool::finish()
{
    const auto deadline = Clock::now() + window_ + finish_limit;
    Output output{};
    while (out_.get() >= 0 || err_.get() >= 0) {
        std::array<pollfd, 2> waits{
            {{.fd = out_.get(), .events = POLLIN, .revents = 0}, {.fd = err_.get(), .events = POLLIN, .revents = 0}}};
        must(::poll(waits.data(), waits.size(), 100), "poll");
        if (waits[0].revents)
            read_some(out_, output.out);
        if (waits[1].revents)
            read_some(err_, output.err);
        if (Clock::now() > deadline)
            throw std::runtime_error("the tool does not end");
    }
    must(::waitpid(pid_, &output.status, 0), "waitpid");
    pid_ = -1;
    return output;
}

} // namespace truth
