// SPDX-License-Identifier: MIT
#include "linux/atomic_file.hpp"

#include "linux/error.hpp"
#include "linux/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace socktally {

namespace {

std::string random_name()
{
    std::uint64_t number = 0;
    if (::getentropy(&number, sizeof number) != 0) {
        throw errno_error("cannot get a random number");
    }
    return fmt::format(".socktally.{:016x}", number);
}

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

TemporaryFile::TemporaryFile(int directory, std::string path) : TemporaryFile(directory, std::move(path), random_name())
{
}

TemporaryFile::TemporaryFile(int directory, std::string path, std::string name)
    : directory_(directory), path_(std::move(path)), name_(std::move(name))
{
    ::unlinkat(directory, name_.c_str(), 0); // if the file cannot be removed, openat() below fails
    constexpr mode_t own = S_IRUSR | S_IWUSR;
    file_ = Fd(::openat(directory, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, own));
    if (!file_) {
        throw errno_error(fmt::format("cannot create the file {:?} next to {:?}", name_, path_));
    }
}

TemporaryFile::~TemporaryFile()
{
    if (file_) {
        ::unlinkat(directory_, name_.c_str(), 0);
    }
}

void TemporaryFile::write(std::string_view text, mode_t mode) const
{
    const std::string what = fmt::format("a temporary file next to {:?}", path_);
    write_all(file_.get(), text, what);
    if (::fchmod(file_.get(), mode) != 0 || ::fsync(file_.get()) != 0) {
        throw errno_error("cannot write to " + what);
    }
}

void TemporaryFile::replace(const std::string& name)
{
    if (::renameat(directory_, name_.c_str(), directory_, name.c_str()) != 0) {
        throw errno_error(fmt::format("cannot replace {:?}", path_));
    }
    file_ = Fd();
    ::fsync(directory_); // after this, the rename survives a power failure, if the file system supports it
}

AtomicFile::AtomicFile(const std::string& path) : path_(path), name_(path.substr(path.rfind('/') + 1)) // npos + 1 is 0
{
    const std::string directory = name_.size() == path.size() ? "." : path.substr(0, path.size() - name_.size());
    directory_ = Fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_) {
        throw errno_error(fmt::format("cannot open the directory {:?}", directory));
    }
    require_replaceable();
    if (::faccessat(directory_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        throw errno_error(fmt::format("cannot write to the directory {:?}", directory));
    }
}

void AtomicFile::require_replaceable() const
{
    struct stat status {};
    status.st_mode = S_IFDIR; // if the name is empty, the path is that of a directory
    if (!name_.empty() && ::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) {
            throw errno_error(fmt::format("cannot examine {:?}", path_));
        }
        return;
    }
    if (S_ISREG(status.st_mode)) {
        return;
    }
    const bool is_directory = S_ISDIR(status.st_mode);
    if (is_directory || S_ISLNK(status.st_mode)) {
        throw std::runtime_error(
            fmt::format("cannot replace {:?}: it is a {}", path_, is_directory ? "directory" : "symbolic link"));
    }
    throw std::runtime_error(fmt::format("{:?} is not a regular file (use > {:?})", path_, path_));
}

void AtomicFile::write(std::string_view text) const
{
    constexpr mode_t readable = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
    require_replaceable(); // the file may have changed since the constructor checked it
    const SignalsBlocked blocked;
    TemporaryFile file(directory_.get(), path_);
    file.write(text, readable);
    file.replace(name_);
}

} // namespace socktally
