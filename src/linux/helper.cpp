// SPDX-License-Identifier: MIT
#include "linux/helper.hpp"

#include "linux/system.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <exception>
#include <thread>

namespace socktally {

namespace {

using Clock = Helper::Clock;

/// The type of the length in bytes that is sent before each question and each answer.
using Length = std::uint64_t;
constexpr Length longest_message = 64 << 20;

/// Calls `move`, which sends or receives, until `size` bytes have been transferred. Returns false if the peer closes
/// the socket, or if the deadline passes first.
template <typename Move>
bool transfer(int socket, short events, std::size_t size, Clock::time_point deadline, const Move& move)
{
    for (std::size_t done = 0; done < size;) {
        const ssize_t moved = move(done);
        if (moved > 0) {
            done += static_cast<std::size_t>(moved);
        } else if (moved == 0 || (errno != EAGAIN && errno != EINTR) || !wait_until_ready(socket, events, deadline)) {
            return false;
        }
    }
    return true;
}

bool receive_all(int socket, char* bytes, std::size_t size, Clock::time_point deadline)
{
    return transfer(socket, POLLIN, size, deadline,
                    [=](std::size_t done) { return ::recv(socket, bytes + done, size - done, MSG_DONTWAIT); });
}

bool send_text(int socket, std::string_view text, Clock::time_point deadline)
{
    std::string message(sizeof(Length), '\0');
    const Length length = text.size();
    std::memcpy(message.data(), &length, sizeof length);
    message.append(text);
    return transfer(socket, POLLOUT, message.size(), deadline, [&](std::size_t done) {
        return ::send(socket, message.data() + done, message.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    });
}

std::optional<std::string> receive_text(int socket, Clock::time_point deadline)
{
    std::array<char, sizeof(Length)> header{};
    if (!receive_all(socket, header.data(), header.size(), deadline)) {
        return std::nullopt;
    }
    Length length = 0;
    std::memcpy(&length, header.data(), sizeof length);
    if (length > longest_message) {
        return std::nullopt;
    }
    std::string text(length, '\0');
    return receive_all(socket, text.data(), text.size(), deadline) ? std::optional(std::move(text)) : std::nullopt;
}

/// Closes all descriptors but `socket`. Moves `socket` to the first number after the standard streams, and returns this
/// number. If a helper that hangs kept our output open, the reader of our output would never see its end.
int keep_only(int socket)
{
    constexpr int kept = STDERR_FILENO + 1;
    const int null = ::open("/dev/null", O_RDWR);
    for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; ++standard) {
        ::dup2(null, standard);
    }
    ::dup2(socket, kept);
    close_from(kept + 1);
    return kept;
}

[[noreturn]] void serve(int socket, pid_t parent, Helper::Answer answer)
{
    constexpr auto never = Clock::time_point::max();
    die_with_parent();
    if (::getppid() != parent) {
        ::_exit(1);
    }
    socket = keep_only(socket);
    try {
        for (auto question = receive_text(socket, never); question; question = receive_text(socket, never)) {
            if (!send_text(socket, answer(*question), never)) {
                break;
            }
        }
    } catch (const std::exception&) { // out of memory; the parent sees that the socket is closed
    }
    ::_exit(0);
}

} // namespace

bool wait_until_ready(int fd, short events, Clock::time_point deadline)
{
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd wanted{fd, events, 0};
        const int ready = ::poll(&wanted, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000)));
        if (ready > 0) {
            return true;
        }
        if ((ready < 0 && errno != EINTR) || left.count() <= 0) {
            return false;
        }
    }
}

bool Helper::start()
{
    constexpr std::size_t most_stuck = 4;
    std::erase_if(stuck_, has_ended);
    if (stuck_.size() >= most_stuck) {
        return false;
    }
    auto [ours, theirs] = make_socket_pair();
    if (!ours) {
        return false;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    // The helper blocks all signals, because those that a terminal sends to both processes are meant for the parent.
    ::sigprocmask(SIG_BLOCK, &all, &before);
    const pid_t self = ::getpid();
    const pid_t child = fork_apart();
    if (child == 0) {
        serve(theirs.get(), self, answer_);
    }
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (child < 0) {
        return false;
    }
    pid_ = child;
    socket_ = std::move(ours);
    return true;
}

/// Kills the helper. A helper that waits for a disk does not die at once. Then start() checks later whether it has
/// died.
void Helper::end()
{
    constexpr int tries = 50;
    socket_ = Fd();
    if (pid_ == 0) {
        return;
    }
    ::kill(pid_, SIGKILL);
    bool is_dead = has_ended(pid_);
    for (int i = 0; i < tries && !is_dead; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(i < 10 ? 0 : 1));
        is_dead = has_ended(pid_);
    }
    if (!is_dead) {
        stuck_.push_back(pid_);
    }
    pid_ = 0;
}

void Helper::freeze() const
{
    if (pid_ != 0) {
        ::kill(pid_, SIGSTOP);
    }
}

std::optional<std::string> Helper::ask(std::string_view question, Clock::time_point deadline)
{
    if (pid_ == 0 && !start()) {
        return std::nullopt;
    }
    auto answer = send_text(socket_.get(), question, deadline) ? receive_text(socket_.get(), deadline) : std::nullopt;
    if (!answer) {
        end();
    }
    return answer;
}

} // namespace socktally
