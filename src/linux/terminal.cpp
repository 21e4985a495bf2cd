// SPDX-License-Identifier: MIT
#include "linux/terminal.hpp"

#include "linux/error.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <system_error>

namespace socktally {

std::vector<int> occupy_standard_streams()
{
    std::vector<int> closed;
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) < 0) {
            // The new descriptor gets the lowest free number, and `fd` is the lowest.
            ::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
            closed.push_back(fd);
        }
    }
    return closed;
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

bool is_dumb_terminal()
{
    const char* term = std::getenv("TERM"); // NOLINT(concurrency-mt-unsafe): one thread
    const std::string_view name = term != nullptr ? term : "";
    return name.empty() || name == "dumb";
}

std::size_t terminal_width(int fd)
{
    constexpr std::size_t usual = 80;
    constexpr std::size_t most = 10'000;
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    const char* columns = std::getenv("COLUMNS"); // NOLINT(concurrency-mt-unsafe)
    const auto number = columns != nullptr ? parse_number(columns) : std::nullopt;
    return number && *number > 0 && *number <= most ? static_cast<std::size_t>(*number) : usual;
}

std::size_t terminal_height(int fd)
{
    winsize size{};
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

void say(std::string_view text)
{
    try {
        write_all(STDERR_FILENO, "socktally: " + std::string(text) + "\n", "standard error");
    } catch (const std::system_error&) {
        return; // there is nowhere to report this error
    }
}

void require_writable(int fd, std::string_view name)
{
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
        throw errno_error("cannot write to " + std::string(name), EBADF);
    }
}

void write_all(int fd, std::string_view text, std::string_view name)
{
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EAGAIN) { // another process has made the descriptor non-blocking
            pollfd ready{fd, POLLOUT, 0};
            ::poll(&ready, 1, -1);
            continue;
        }
        if (written < 0 && errno != EINTR) {
            throw errno_error("cannot write to " + std::string(name));
        }
        if (written > 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }
}

} // namespace socktally
