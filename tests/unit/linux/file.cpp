// SPDX-License-Identifier: MIT
#include "linux/file.hpp"
#include "temp_directory.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <cerrno>
#include <fstream>

using namespace socktally;
using namespace socktally::test;

namespace {

struct OpenFile {
    TempDirectory directory;
    std::string path = directory.path() / "file";
    Fd fd;

    explicit OpenFile(std::string_view text)
    {
        write(text);
        fd = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    void write(std::string_view text) const { std::ofstream(path, std::ios::binary) << text; }
};

} // namespace

TEST_CASE("a file is read whole, whatever its size against the buffer")
{
    for (const std::size_t size : {0U, 1U, 1023U, 1024U, 1025U, 2047U, 2048U, 2049U, 100000U}) {
        CAPTURE(size);
        std::string text(size, 'x');
        if (size > 0) {
            text.back() = 'y';
        }
        const OpenFile file(text);
        std::string buffer;
        CHECK(reread_file(file.fd.get(), buffer, 1 << 20) == text);
        CHECK(reread_file(file.fd.get(), buffer, 1 << 20) == text);
        CHECK(read_file(AT_FDCWD, file.path.c_str(), buffer, 1 << 20) == text);
    }
}

TEST_CASE("a file that grows or shrinks between two reads is read as it is, with nothing of the last read left over")
{
    const OpenFile file(std::string(5000, 'a'));
    std::string buffer;
    CHECK(reread_file(file.fd.get(), buffer, 1 << 20) == std::string(5000, 'a'));
    file.write(std::string(20000, 'b'));
    CHECK(reread_file(file.fd.get(), buffer, 1 << 20) == std::string(20000, 'b'));
    file.write("c");
    CHECK(reread_file(file.fd.get(), buffer, 1 << 20) == "c");
    file.write("");
    CHECK(reread_file(file.fd.get(), buffer, 1 << 20) == "");
}

TEST_CASE("no more than the limit is read, with any buffer")
{
    const OpenFile file("0123456789");
    for (const std::size_t limit : {1U, 5U, 9U, 10U, 11U}) {
        CAPTURE(limit);
        std::string fresh;
        CHECK(reread_file(file.fd.get(), fresh, limit) == std::string("0123456789").substr(0, limit));
        std::string large(100, 'z');
        CHECK(reread_file(file.fd.get(), large, limit) == std::string("0123456789").substr(0, limit));
    }
}

TEST_CASE("what cannot be read is null with the reason in errno")
{
    const TempDirectory directory;
    const Directory opened = open_directory(AT_FDCWD, directory.path().c_str());
    REQUIRE(opened);
    std::string buffer;
    CHECK_FALSE(read_file(::dirfd(opened.get()), "vanished", buffer, 100));
    CHECK(errno == ENOENT);
    CHECK_FALSE(read_file(AT_FDCWD, directory.path().c_str(), buffer, 100));
    CHECK(errno == EISDIR);
    CHECK_FALSE(reread_file(-1, buffer, 100));
    CHECK(errno == EBADF);
    CHECK_FALSE(open_directory(::dirfd(opened.get()), "vanished"));
    CHECK(errno == ENOENT);
}

TEST_CASE("a file is no directory")
{
    const OpenFile file("x");
    CHECK_FALSE(open_directory(AT_FDCWD, file.path.c_str()));
    CHECK(errno == ENOTDIR);
}
