// SPDX-License-Identifier: MIT
// Starting the tool, knowing when it has begun to sample, collecting what it prints.
#include "tool.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

extern char** environ;

namespace truth {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto time_limit = 60s;         // for whatever the tool does next
constexpr int room_for_output = 1 << 20; // windows are to follow each other while nobody reads

std::string setting(const char* name, const char* otherwise)
{
    const char* value = std::getenv(name);
    return value && *value ? value : otherwise;
}

std::vector<std::string> command_line(Milliseconds window, const std::vector<std::string>& arguments)
{
    std::vector<std::string> line{"socktally", "-b",   backend_name(), "-d", std::to_string(window.count()) + "ms",
                                  "-f",        "json", "--all",        "-vv"};
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

bool counts_datagrams()
{
    const Fd probe(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    return backend_name() == "ebpf" || (backend_name() != "procfs" && probe.get() >= 0);
}

Tool::Tool(const Place& place, Milliseconds window, const std::vector<std::string>& arguments)
{
    int out[2];
    int err[2];
    must(::pipe2(out, O_CLOEXEC), "pipe");
    out_ = Fd(out[0]);
    must(::fcntl(out[0], F_SETPIPE_SZ, room_for_output), "make room for the output");
    const Fd out_writer(out[1]);
    must(::pipe2(err, O_CLOEXEC), "pipe");
    err_ = Fd(err[0]);
    const Fd err_writer(err[1]);
    const Fd program(must(::open(tool_path().c_str(), O_RDONLY | O_CLOEXEC), tool_path().c_str()));
    const auto line = command_line(window, arguments);
    const auto handler = ::signal(SIGTERM, SIG_DFL); // doctest's own would hang in a child of several threads
    pid_ = fork_in(place, [&] {
        must(::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO), "dup2");
        must(::dup2(out_writer.get(), STDOUT_FILENO), "dup2");
        must(::dup2(err_writer.get(), STDERR_FILENO), "dup2");
        ::signal(SIGHUP, SIG_DFL); // whoever started the tests with nohup(1)
        exec(program.get(), line);
    });
    ::signal(SIGTERM, handler);
}

Tool::~Tool()
{
    if (pid_ > 0)
        end(pid_);
}

void Tool::take_lines()
{
    constexpr std::string_view prefix = "socktally: ";
    for (std::size_t end = 0; (end = err_text_.find('\n', lines_taken_)) != std::string::npos; lines_taken_ = end + 1) {
        std::string_view line = std::string_view(err_text_).substr(lines_taken_, end - lines_taken_);
        if (!line.starts_with(prefix))
            continue;
        line.remove_prefix(prefix.size());
        is_sampling_ = is_sampling_ || line == "sampling";
        windows_ += line.starts_with("window ") ? 1 : 0;
        if (ledger_)
            ledger_->add_line(number_, line);
    }
}

void Tool::read_trace()
{
    read_some(err_, err_text_);
    take_lines();
}

/// Output too: the program does not go on to its next window before the last one's is taken.
void Tool::poll_once()
{
    std::array<pollfd, 2> waits{
        {{.fd = out_.get(), .events = POLLIN, .revents = 0}, {.fd = err_.get(), .events = POLLIN, .revents = 0}}};
    must(::poll(waits.data(), waits.size(), 100), "poll");
    if (waits[0].revents)
        read_some(out_, out_text_);
    if (waits[1].revents)
        read_trace();
}

void Tool::wait_for(const std::function<bool()>& condition, const char* what)
{
    const auto deadline = Clock::now() + time_limit;
    while (!condition() && err_.get() >= 0) { // else finish() tells why
        poll_once();
        if (Clock::now() > deadline)
            throw std::runtime_error(std::string("the tool does not ") + what + "; it says:\n" + err_text_);
    }
}

void Tool::wait_until_sampling()
{
    wait_for([this] { return is_sampling_; }, "begin to sample");
}

void Tool::wait_for_windows(int windows)
{
    wait_for([=, this] { return windows_ >= windows; }, "end its window");
}

void Tool::end_window() const { signal(SIGUSR1); }

void Tool::signal(int number) const { must(::kill(pid_, number), "signal the tool"); }

Output Tool::finish()
{
    const auto deadline = Clock::now() + time_limit;
    Output output{.status = 0, .out = {}, .err = {}};
    while (out_.get() >= 0 || err_.get() >= 0) {
        poll_once();
        if (Clock::now() > deadline)
            throw std::runtime_error("the tool does not end; it says:\n" + err_text_);
    }
    must(::waitpid(pid_, &output.status, 0), "waitpid");
    pid_ = -1;
    output.out = std::move(out_text_);
    output.err = std::move(err_text_);
    return output;
}

} // namespace truth
