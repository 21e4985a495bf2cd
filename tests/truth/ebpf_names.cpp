// SPDX-License-Identifier: MIT
// A process has the name that it had last.
#include "exact.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

using namespace truth;

namespace {

/// A shell that can be started under another name.
class NamedShell {
public:
    explicit NamedShell(const std::string& name)
    {
        std::string directory = std::filesystem::temp_directory_path() / "truth-XXXXXX";
        if (!::mkdtemp(directory.data())) {
            fail("mkdtemp");
        }
        directory_ = directory;
        path_ = directory_ / name;
        std::filesystem::create_symlink("/bin/sh", path_);
    }
    NamedShell(const NamedShell&) = delete;
    NamedShell& operator=(const NamedShell&) = delete;
    ~NamedShell() { std::filesystem::remove_all(directory_); }

    std::string path() const { return path_; }

private:
    std::filesystem::path directory_;
    std::filesystem::path path_;
};

void become(const std::string& program, const std::string& script = ":")
{
    const std::string name = "sh"; // what a shell of many names goes by
    const std::string option = "-c";
    std::array<char*, 4> arguments{const_cast<char*>(name.c_str()), const_cast<char*>(option.c_str()),
                                   const_cast<char*>(script.c_str()), nullptr};
    must(::execv(program.c_str(), arguments.data()), "exec");
}

} // namespace

TEST_CASE("exact: a process that changed its name and ended in the window has the last one")
{
    TRUTH_EXACT_ONLY();
    const NamedShell shell("t-after");
    Stage stage;
    start_server(stage, 2);
    stage.start("t-parent", [&](Self& self) {
        self.step();
        self.join(self.child("t-before", [](Self& child) {
            child.visit(local4, small);
            must(::prctl(PR_SET_NAME, "t-renamed"), "prctl");
        }));
        self.join(self.child("t-before", [&](Self& child) {
            child.visit(local4, small);
            become(shell.path());
        }));
    });
    const Measured measured = stage.measure();
    check(measured);
    const auto rows_of = [&](const std::string& name) {
        const auto& rows = measured.report.rows;
        return std::count_if(rows.begin(), rows.end(), [&](const Row& row) { return row.process == name; });
    };
    CHECK(rows_of("t-before") == 0);
    CHECK(rows_of("t-renamed") == 1);
    CHECK(rows_of("t-after") == 1);
}

TEST_CASE("names: a process that became another program in the window has one row, named and identified as at its end")
{
    const NamedShell shell("t-after");
    Stage stage;
    start_server(stage, 1, Until::owned);
    stage.start("t-parent", [&](Self& self) {
        self.step();
        const pid_t pid = self.child("t-before", [&](Self& child) {
            child.visit(local4, small, Until::owned);
            become(shell.path(), "kill -STOP $$"); // lives on until the test is over
        });
        must(::waitpid(pid, nullptr, WUNTRACED), "waitpid");
    });
    const Measured measured = stage.measure({.arguments = {"-o", "+exe"}});
    check(measured);
    const auto& rows = measured.report.rows;
    CHECK(std::none_of(rows.begin(), rows.end(), [](const Row& row) { return row.process == "t-before"; }));
    const auto after = std::find_if(rows.begin(), rows.end(), [](const Row& row) { return row.process == "t-after"; });
    REQUIRE(after != rows.end());
    CHECK(after->exe == std::filesystem::canonical("/bin/sh").string());
    CHECK(std::count_if(rows.begin(), rows.end(), [&](const Row& row) { return row.pid == after->pid; }) == 1);
}

TEST_CASE("names: a process that became another user's in the window is the user's that it was at its end")
{
    constexpr uid_t somebody = 61001;
    Stage stage;
    start_server(stage, 1, Until::owned);
    stage.start("t-before", [&](Self& self) {
        self.step();
        self.visit(local4, small, Until::owned);
        must(::setresuid(somebody, somebody, somebody), "setresuid");
    });
    const Measured measured = stage.measure();
    check(measured);
    const auto& rows = measured.report.rows;
    const auto row = std::find_if(rows.begin(), rows.end(), [](const Row& each) { return each.process == "t-before"; });
    REQUIRE(row != rows.end());
    CHECK(row->uid == somebody);
}

TEST_CASE("names: a process that became another program and ended in the window is named as at its end")
{
    const auto run = [](bool moved) {
        const NamedShell shell("t-after");
        Stage stage;
        start_server(stage, 1, Until::owned);
        stage.start("t-parent", [&](Self& self) {
            self.step();
            std::array<int, 2> end{};
            std::array<int, 2> told{};
            must(::pipe2(end.data(), O_CLOEXEC), "pipe");
            must(::pipe2(told.data(), O_CLOEXEC), "pipe");
            const pid_t pid = self.child("t-before", [&](Self& child) {
                const int fd = child.connect(local4);
                child.exchange(fd, small.request, small.reply);
                child.wait_until_owned(fd);
                const std::uint64_t cookie = Self::cookie(fd);
                must(::write(told[1], &cookie, sizeof cookie), "tell the cookie");
                if (moved) // as servers do that hand a connection to a program
                    must(::dup2(fd, STDOUT_FILENO), "dup2");
                else
                    must(::fcntl(fd, F_SETFD, 0), "keep the socket open");
                must(::dup2(end[0], STDIN_FILENO), "dup2");
                // It waits for the parent to close its end, and starts nobody.
                become(shell.path(), "read nothing; exit 0");
            });
            std::uint64_t cookie = 0;
            must(::read(told[0], &cookie, sizeof cookie), "read the cookie");
            self.wait_for_line("process " + std::to_string(pid) + " is now \"t-after\"");
            if (moved) // it is missed where it was, and found again
                self.wait_for_line(Self::owner_line(cookie, pid), 2);
            must(::close(end[1]), "close");
            self.join(pid);
        });
        const Measured measured = stage.measure();
        check(measured);
        const auto& rows = measured.report.rows;
        CHECK(std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.process == "t-after"; }));
    };
    SUBCASE("with its socket where it was") { run(false); }
    SUBCASE("with its socket at another descriptor") { run(true); }
}
