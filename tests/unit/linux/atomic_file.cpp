// SPDX-License-Identifier: MIT
#include "linux/atomic_file.hpp"
#include "temp_directory.hpp"

#include <doctest/doctest.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace socktally;
using namespace socktally::test;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> names_in(const fs::path& directory)
{
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory)) {
        names.push_back(entry.path().filename());
    }
    return names;
}

std::string refusal(const fs::path& path)
{
    try {
        const AtomicFile file(path);
    } catch (const std::exception& error) {
        return error.what();
    }
    return "accepted";
}

/// No file may grow beyond this while it lives.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes)
    {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        handler_ = ::signal(SIGXFSZ, SIG_IGN);
    }
    ~FileSizeLimit()
    {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, handler_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

private:
    rlimit before_{};
    sighandler_t handler_ = SIG_DFL;
};

} // namespace

TEST_CASE("a file is made or replaced, for all to read whatever the umask is")
{
    const TempDirectory directory;
    const fs::path path = directory.path() / "out";
    const mode_t before = ::umask(077);
    const AtomicFile file(path);
    file.write("one\n");
    CHECK(content(path) == "one\n");
    file.write("");
    CHECK(content(path).empty());
    fs::permissions(path, fs::perms::owner_read);
    file.write("three");
    ::umask(before);
    CHECK(content(path) == "three");
    CHECK(fs::status(path).permissions() == fs::perms(0644));
    CHECK(names_in(directory.path()) == std::vector<std::string>{"out"});
}

TEST_CASE("a path without a directory is in the current one")
{
    const TempDirectory directory;
    const fs::path before = fs::current_path();
    fs::current_path(directory.path());
    AtomicFile("out").write("x");
    fs::current_path(before);
    CHECK(content(directory.path() / "out") == "x");
}

TEST_CASE("what is no regular file is refused and stays what it is")
{
    const TempDirectory directory;
    const fs::path at = directory.path();
    std::ofstream(at / "target") << "mine";
    fs::create_symlink("target", at / "link");
    fs::create_symlink("nowhere", at / "dangling");
    fs::create_directory(at / "directory");
    ::mkfifo((at / "pipe").c_str(), 0600);
    const auto says = [](const fs::path& path, std::string_view why) {
        return refusal(path) == "cannot replace \"" + path.string() + "\": it is a " + std::string(why);
    };
    CHECK(says(at / "link", "symbolic link"));
    CHECK(says(at / "dangling", "symbolic link"));
    CHECK(says(at / "directory", "directory"));
    CHECK(says(at / "directory/", "directory"));
    CHECK(says(at / "directory/..", "directory"));
    CHECK(refusal(at / "pipe").find("is not a regular file") != std::string::npos);
    CHECK(refusal("/dev/null") == "\"/dev/null\" is not a regular file (use > \"/dev/null\")");
    CHECK(refusal(at / "missing/out") ==
          "cannot open the directory \"" + (at / "missing/").string() + "\": No such file or directory");
    CHECK(refusal(at / "target/out").ends_with(": Not a directory"));
    CHECK(content(at / "target") == "mine");
    CHECK(fs::is_symlink(at / "link"));
}

TEST_CASE("what takes the place of the file in the meantime is refused too")
{
    const TempDirectory directory;
    const fs::path path = directory.path() / "out";
    const AtomicFile file(path);
    fs::create_symlink("elsewhere", path);
    CHECK_THROWS_AS(file.write("x"), std::runtime_error);
    CHECK(names_in(directory.path()) == std::vector<std::string>{"out"});
}

TEST_CASE("where writing fails, the old file stays and nothing is left behind")
{
    const TempDirectory directory;
    const fs::path path = directory.path() / "out";
    const AtomicFile file(path);
    file.write("old");
    {
        const FileSizeLimit limit(10);
        CHECK_THROWS_AS(file.write("a text that is longer than that"), std::system_error);
    }
    CHECK(content(path) == "old");
    CHECK(names_in(directory.path()) == std::vector<std::string>{"out"});
    fs::remove_all(directory.path());
    CHECK_THROWS_AS(file.write("x"), std::system_error);
}

TEST_CASE("a reader never sees a part")
{
    const TempDirectory directory;
    const fs::path path = directory.path() / "out";
    const AtomicFile file(path);
    constexpr std::size_t size = 100'000;
    file.write(std::string(size, 'a'));
    std::atomic<bool> done = false;
    std::atomic<int> torn = 0;
    std::thread reader([&] {
        while (!done) {
            const std::string text = content(path);
            torn += text.size() != size || text.find_first_not_of(text.front()) != text.npos ? 1 : 0;
        }
    });
    for (int i = 0; i < 50; ++i) {
        file.write(std::string(size, static_cast<char>('a' + i % 26)));
    }
    done = true;
    reader.join();
    CHECK(torn == 0);
}
