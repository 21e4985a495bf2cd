// SPDX-License-Identifier: MIT
#include "linux/temporary_file.hpp"

#include "linux/error.hpp"
#include "linux/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <utility>

namespace socktally {

namespace {

std::string random_name()
{
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
        throw errno_error("cannot get a random number");
    }
    return fmt::format(".socktally.{:016x}", number);
}

} // namespace

TemporaryFile::TemporaryFile(int directory, std::string path) : TemporaryFile(directory, std::move(path), random_name())
{
}

TemporaryFile::TemporaryFile(int directory, std::string path, std::string name)
    : directory_(directory), path_(std::move(path)), name_(std::move(name))
{
    ::unlinkat(directory, name_.c_str(), 0); // what it cannot remove is refused below
    constexpr mode_t own = S_IRUSR | S_IWUSR;
    file_ = Fd(::openat(directory, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, own));
    if (!file_) {
        throw errno_error(fmt::format("cannot make the file {:?} beside {:?}", name_, path_));
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
    const std::string what = fmt::format("a file beside {:?}", path_);
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
    ::fsync(directory_); // that it outlasts a loss of power; not all file systems can
}

} // namespace socktally
