// SPDX-License-Identifier: MIT
#include "linux/interrupt.hpp"

#include <algorithm>
#include <array>

namespace socktally {

namespace {

bool is_ignored(int signal)
{
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    return action.sa_handler == SIG_IGN;
}

} // namespace

Interrupt::Interrupt()
{
    sigemptyset(&taken_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        if (!is_ignored(signal)) {
            sigaddset(&taken_, signal);
        }
    }
    sigaddset(&taken_, SIGUSR1);
    take_over();
    ::signal(SIGUSR1, SIG_DFL); // SIGUSR1 was ignored since main(); now it is blocked and read from queue_
}

Interrupt::Interrupt(Child& command) : command_(&command)
{
    sigemptyset(&taken_);
    for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) {
        sigaddset(&taken_, signal);
    }
    take_over();
    command.reap(); // the command may have been killed before SIGCHLD was blocked
}

void Interrupt::take_over()
{
    ::sigprocmask(SIG_BLOCK, &taken_, &previous_);
    queue_ = SignalQueue(taken_);
}

Interrupt::~Interrupt() { give_back(); }

void Interrupt::give_back()
{
    ::signal(SIGUSR1, SIG_IGN); // no window follows, so SIGUSR1 is ignored; a pending one is dropped
    ::sigprocmask(SIG_SETMASK, &previous_, nullptr);
}

void Interrupt::wait_until(std::chrono::steady_clock::time_point deadline, int also)
{
    using namespace std::chrono;
    deadline = command_ != nullptr ? std::min(deadline, command_->latest_end()) : deadline;
    const auto left = std::max(nanoseconds(0), duration_cast<nanoseconds>(deadline - steady_clock::now()));
    std::array<pollfd, 2> fds{pollfd{queue_.fd(), POLLIN, 0}, pollfd{also, POLLIN, 0}};
    if (poll_for(fds, left) <= 0 || (fds[0].revents & POLLIN) == 0) {
        return;
    }
    take_pending();
    if (signal_ != 0) {
        release();
    }
}

bool Interrupt::wait_writable(int fd)
{
    while (!is_released_) {
        std::array<pollfd, 2> fds{pollfd{queue_.fd(), POLLIN, 0}, pollfd{fd, POLLOUT, 0}};
        if (poll_for(fds, std::nullopt) <= 0) {
            continue;
        }
        if ((fds[0].revents & POLLIN) != 0) {
            take_pending();
        }
        if (signal_ != 0) {
            release();
        } else if (fds[1].revents != 0) {
            return true;
        }
    }
    return false;
}

void Interrupt::first_window_begins()
{
    take_pending();
    ends_early_ = false;
    if (command_ != nullptr) {
        command_->start();
    }
}

void Interrupt::release()
{
    take_pending();
    is_released_ = true;
    give_back();
}

void Interrupt::take_pending()
{
    while (signal_ == 0) {
        const int next = queue_.next();
        if (next == 0) {
            return;
        }
        take(next);
    }
}

void Interrupt::take(int signal)
{
    if (signal == SIGCHLD) {
        command_->reap();
    } else if (command_ != nullptr && !command_->has_ended()) {
        if (signal != SIGINT) { // the terminal sends SIGINT to the command too
            command_->pass_on(signal);
        }
    } else if (command_ != nullptr && is_ignored(signal)) {
        return;
    } else if (signal == SIGUSR1) {
        ends_early_ = true;
    } else {
        signal_ = signal;
    }
}

} // namespace socktally
