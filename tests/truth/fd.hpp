// SPDX-License-Identifier: MIT
// What every file of the generator needs: a descriptor that closes itself, and errno as an exception.
// Apart from the tool's own sources on purpose: the judge shares no code with the judged.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace truth {

[[noreturn]] inline void fail(const std::string& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

/// Passes a system call's result through; throws where it is negative.
template <typename Result>
Result must(Result result, const char* what)
{
    if (result < 0)
        fail(what);
    return result;
}

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    void reset()
    {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }

private:
    int fd_ = -1;
};

} // namespace truth
