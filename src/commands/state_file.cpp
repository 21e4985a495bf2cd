// SPDX-License-Identifier: MIT
#include "commands/state.hpp"

#include "linux/error.hpp"
#include "linux/file.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

namespace socktally {

namespace {

/// The largest size of a state file in bytes; enough for two million sockets.
constexpr std::size_t size_limit = std::size_t{256} << 20;

constexpr mode_t owner_only = S_IRUSR | S_IWUSR;
constexpr mode_t writable_by_others = S_IWGRP | S_IWOTH;

std::runtime_error refusal(const std::string& path, std::string_view why)
{
    return std::runtime_error(fmt::format("cannot use {}: {}", quote(path), why));
}

/// Throws if everyone may write to the directory and it has no sticky bit, because anyone could then replace our file.
void check_directory(const Fd& directory, const std::string& path)
{
    struct stat status {};
    if (::fstat(directory.get(), &status) != 0) {
        throw errno_error("cannot examine " + quote(path));
    }
    if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0) {
        throw refusal(path, "everyone can write to this directory");
    }
}

void check_file(const Fd& file, const std::string& path)
{
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) {
        throw errno_error("cannot examine " + quote(path));
    }
    if (!S_ISREG(status.st_mode)) {
        throw refusal(path, "not a regular file");
    }
    if (status.st_uid != ::geteuid()) {
        throw refusal(path, "owned by another user");
    }
    if ((status.st_mode & writable_by_others) != 0) {
        throw refusal(path, "other users can write to it");
    }
}

} // namespace

StateFile::StateFile(const std::string& path, Lock lock)
{
    const std::size_t slash = path.rfind('/');
    name_ = slash == std::string::npos ? path : path.substr(slash + 1);
    directory_path_ = slash == std::string::npos ? "./" : path.substr(0, slash + 1);
    if (name_.empty() || name_ == "." || name_ == "..") {
        throw refusal(path, "it is a directory");
    }
    directory_ = Fd(::open(directory_path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_) {
        throw errno_error("cannot open " + quote(directory_path_));
    }
    check_directory(directory_, directory_path_);
    lock_ = open_plain(name_ + ".lock", O_RDWR | O_CREAT);
    if (::flock(lock_.get(), LOCK_EX | (lock == Lock::wait ? 0 : LOCK_NB)) != 0) {
        if (errno == EWOULDBLOCK) {
            throw std::runtime_error(fmt::format("another run is using {}; --wait waits for it", quote(path)));
        }
        throw errno_error("cannot lock " + quote(path_of(name_ + ".lock")));
    }
}

std::string StateFile::path_of(const std::string& name) const
{
    return directory_path_ == "./" ? name : directory_path_ + name;
}

Fd StateFile::open_plain(const std::string& name, int flags) const
{
    const std::string path = path_of(name);
    Fd file(
        ::openat(directory_.get(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, owner_only));
    if (!file && errno == ELOOP) {
        throw refusal(path, "it is a symbolic link");
    }
    if (!file && errno == ENOENT && (flags & O_CREAT) == 0) {
        return file;
    }
    if (!file) {
        throw errno_error("cannot open " + quote(path));
    }
    check_file(file, path);
    return file;
}

std::optional<std::string> StateFile::read() const
{
    const Fd file = open_plain(name_, O_RDONLY);
    if (!file) {
        return std::nullopt;
    }
    std::string buffer;
    const auto text = reread_file(file.get(), buffer, size_limit);
    if (!text) {
        throw errno_error("cannot read " + quote(path_of(name_)));
    }
    buffer.resize(text->size());
    return buffer;
}

std::string StateFile::keep_aside() const
{
    constexpr int most = 100;
    for (int number = 1; number <= most; ++number) {
        const std::string name = name_ + (number == 1 ? ".bad" : fmt::format(".bad.{}", number));
        if (::linkat(directory_.get(), name_.c_str(), directory_.get(), name.c_str(), 0) == 0 || is_file(name)) {
            return path_of(name);
        }
        if (errno != EEXIST) {
            throw errno_error("cannot rename " + quote(path_of(name_)) + " as " + quote(path_of(name)));
        }
    }
    throw std::runtime_error(fmt::format("cannot rename {}: all names up to {} are taken", quote(path_of(name_)),
                                         quote(fmt::format("{}.bad.{}", path_of(name_), most))));
}

/// Returns whether `name` is a hard link to FILE. An earlier run made the link, and stopped before it replaced FILE.
bool StateFile::is_file(const std::string& name) const
{
    const int error = errno;
    struct stat ours {};
    struct stat its {};
    const bool is_same = ::fstatat(directory_.get(), name_.c_str(), &ours, AT_SYMLINK_NOFOLLOW) == 0 &&
                         ::fstatat(directory_.get(), name.c_str(), &its, AT_SYMLINK_NOFOLLOW) == 0 &&
                         ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
    errno = error;
    return is_same;
}

void StateFile::prepare(std::string_view text)
{
    prepared_.emplace(directory_.get(), path_of(name_), ".socktally." + name_);
    prepared_->write(text, owner_only);
}

void StateFile::replace()
{
    prepared_->replace(name_);
    prepared_.reset();
}

} // namespace socktally
