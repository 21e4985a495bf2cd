// SPDX-License-Identifier: MIT
#include "linux/replaced_file.hpp"

#include "linux/error.hpp"
#include "linux/temporary_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <stdexcept>

namespace socktally {

namespace {

class SignalsBlocked {
public:
    SignalsBlocked()
    {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

} // namespace

ReplacedFile::ReplacedFile(const std::string& path) : path_(path)
{
    const auto slash = path.rfind('/');
    name_ = slash == path.npos ? path : path.substr(slash + 1);
    const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
    directory_ = Fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_) {
        throw errno_error(fmt::format("cannot open the directory {:?}", directory));
    }
    require_replaceable();
    if (::faccessat(directory_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        throw errno_error(fmt::format("cannot write to the directory {:?}", directory));
    }
}

void ReplacedFile::require_replaceable() const
{
    const auto refusal = [this](std::string_view why) {
        return std::runtime_error(fmt::format("cannot replace {:?}: it is {}", path_, why));
    };
    if (name_.empty()) {
        throw refusal("a directory");
    }
    struct stat status {};
    if (::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) {
            throw errno_error(fmt::format("cannot look at {:?}", path_));
        }
        return;
    }
    switch (status.st_mode & S_IFMT) {
    case S_IFREG: return;
    case S_IFDIR: throw refusal("a directory");
    case S_IFLNK: throw refusal("a symbolic link");
    default: throw refusal("no regular file");
    }
}

void ReplacedFile::write(std::string_view text) const
{
    constexpr mode_t readable = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
    require_replaceable(); // a window may be long
    const SignalsBlocked blocked;
    TemporaryFile file(directory_.get(), path_);
    file.write(text, readable);
    file.replace(name_);
}

} // namespace socktally
