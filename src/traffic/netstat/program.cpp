// SPDX-License-Identifier: MIT
#include "traffic/netstat/program.hpp"

#include "linux/fd.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using End = ProgramResult::End;

/// The actions and attributes of posix_spawn(3), which free themselves.
class SpawnPlan {
public:
    explicit SpawnPlan(int output)
    {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        ::posix_spawnattr_init(&attributes);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        ::posix_spawnattr_setpgroup(&attributes, 0);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setsigdefault(&attributes, &all);
    }
    ~SpawnPlan()
    {
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&actions);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
};

std::optional<std::pair<Fd, Fd>> make_pipe_pair()
{
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) { // pipe2() does not exist on macOS
        return std::nullopt;
    }
    for (const int end : ends) {
        ::fcntl(end, F_SETFD, FD_CLOEXEC);
    }
    return std::pair(Fd(ends[0]), Fd(ends[1]));
}

/// Reads the output until the program has closed it. Returns `exited` then.
End read_output(int output, std::string& text, std::size_t most, Clock::time_point deadline)
{
    std::array<char, 65536> buffer{};
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) {
            return End::timed_out;
        }
        pollfd wanted{output, POLLIN, 0};
        if (::poll(&wanted, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000))) <= 0) {
            continue;
        }
        const ssize_t got = ::read(output, buffer.data(), buffer.size());
        if (got == 0) {
            return End::exited;
        }
        if (got < 0 && errno != EINTR) {
            return End::timed_out; // a pipe does not fail; treat it as output that never ends
        }
        text.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (text.size() > most) {
            return End::printed_too_much;
        }
    }
}

/// Waits until the program has ended, but does not collect its exit status, so that its process group keeps its number.
bool has_ended_by(pid_t program, Clock::time_point deadline)
{
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_PID, static_cast<id_t>(program), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0) {
            return true;
        }
        if (Clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

/// Kills the whole group and collects the exit status. A program that waits for a disk does not die at once. So this
/// function gives up after a second, and the system collects the program when socktally ends.
int kill_group(pid_t program)
{
    ::kill(-program, SIGKILL);
    int status = 0;
    if (!has_ended_by(program, Clock::now() + std::chrono::seconds(1)) || ::waitpid(program, &status, 0) != program) {
        return 0; // without a status: the parent process of socktally had SIGCHLD ignored
    }
    constexpr int signal_base = 128;
    return WIFSIGNALED(status) ? signal_base + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace

ProgramResult run_program(const std::vector<std::string>& words, const ProgramLimits& limits)
{
    std::vector<char*> arguments;
    std::transform(words.begin(), words.end(), std::back_inserter(arguments), [](const std::string& word) {
        return const_cast<char*>(word.c_str()); // posix_spawn() changes nothing
    });
    arguments.push_back(nullptr);
    std::string locale = "LC_ALL=C";
    std::array<char*, 2> environment{locale.data(), nullptr};
    auto ends = make_pipe_pair();
    if (!ends) {
        return {End::not_started, errno, {}};
    }
    const auto deadline = Clock::now() + limits.time;
    const SpawnPlan plan(ends->second.get());
    pid_t program = 0;
    const int error = ::posix_spawn(&program, arguments.front(), &plan.actions, &plan.attributes, arguments.data(),
                                    environment.data());
    if (error != 0) {
        return {End::not_started, error, {}};
    }
    ends->second = Fd();
    ProgramResult result;
    result.end = read_output(ends->first.get(), result.text, limits.bytes, deadline);
    if (result.end == End::exited && !has_ended_by(program, deadline)) {
        result.end = End::timed_out;
    }
    result.status = kill_group(program);
    if (result.end != End::exited) {
        result.text = std::string();
    }
    return result;
}

std::string failure_of(const std::string& program, const ProgramResult& result)
{
    switch (result.end) {
    case End::timed_out: return fmt::format("{} did not end in time", quote(program));
    case End::printed_too_much: return fmt::format("{} printed too much", quote(program));
    case End::not_started:
        return fmt::format("cannot run {}: {}", quote(program), std::generic_category().message(result.status));
    case End::exited: break;
    }
    return result.status != 0 ? fmt::format("{} failed with exit status {}", quote(program), result.status)
                              : fmt::format("{} printed something else than expected", quote(program));
}

} // namespace socktally
