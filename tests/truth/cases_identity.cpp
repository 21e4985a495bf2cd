// SPDX-License-Identifier: MIT
// Who processes are: where they were, also of those that are over when the window is.
#include "cgroup.hpp"
#include "open_counter.hpp"
#include "stage.hpp"
#include "temp_directory.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

using namespace truth;

namespace {

const Row& row_of(const Report& report, const std::string& process)
{
    const auto found = std::find_if(report.rows.begin(), report.rows.end(),
                                    [&process](const Row& row) { return row.process == process; });
    REQUIRE_MESSAGE(found != report.rows.end(), process);
    return *found;
}

/// "t-client" and "t-server" with one connection of this window, which the client ends with `last`.
void start_ends(
    Stage& stage, const Self::Script& last = [](Self&) {})
{
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        const int fd = self.accept(listener);
        self.exchange(fd, 20'000, 10'000);
    });
    stage.start("t-client", [=](Self& self) {
        self.step();
        const int fd = self.connect(local4);
        self.exchange(fd, 10'000, 20'000);
        self.wait_until_owned(fd);
        last(self);
    });
}

/// Whether a worker's program and arguments are those of this test.
bool knows_program(const Row& row)
{
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::string command{std::istreambuf_iterator<char>(file), {}};
    std::replace(command.begin(), command.end(), '\0', ' ');
    return row.exe == std::filesystem::read_symlink("/proc/self/exe") && !row.command.empty() &&
           command.starts_with(row.command);
}

/// How often, of the files that say who a process is, the one was opened that was opened most.
int most_opens()
{
    constexpr int clients = 5;
    Stage stage;
    std::vector<pid_t> pids;
    pids.push_back(stage
                       .start("t-server",
                              [](Self& self) {
                                  const int listener = self.listen(local4);
                                  self.step();
                                  self.serve(listener, 2 * clients, {1'000, 20'000}, Until::owned);
                              })
                       .pid());
    for (int i = 0; i < clients; ++i) {
        pids.push_back(stage
                           .start("t-client",
                                  [](Self& self) {
                                      self.step();
                                      self.visit(local4, {1'000, 20'000}, Until::owned);
                                      self.visit(local4, {1'000, 20'000}, Until::owned);
                                  })
                           .pid());
    }
    socktally::test::OpenCounter opens;
    for (const pid_t pid : pids)
        for (const char* file : {"cgroup", "cmdline"})
            opens.watch("/proc/" + std::to_string(pid) + "/" + file);
    check(stage.measure({.arguments = {"-o", "+ppid,exe,command,unit,container,netns,shared_with"}}));
    const auto counts = opens.count();
    CHECK(counts.size() == 2 * pids.size());
    int most = 0;
    for (const auto& file : counts)
        most = std::max(most, file.second);
    return most;
}

} // namespace

TEST_CASE("identity: the cgroup and unit of a process that is over")
{
    const Cgroup cgroup("socktally-truth-" + unique_digits() + ".service");
    if (!cgroup.is_there())
        TRUTH_SKIP("no cgroup of version 2 can be made here");
    Stage stage;
    stage.start("t-server", [&](Self& self) {
        cgroup.add(::getpid());
        const int listener = self.listen(local4);
        self.step();
        const int fd = self.accept(listener);
        self.exchange(fd, 20'000, 10'000);
    });
    stage.start("t-parent", [&](Self& self) {
        self.step();
        self.join(self.child("t-client", [&](Self& child) { // a zombie could still be read
            cgroup.add(::getpid());
            const int fd = child.connect(local4);
            child.exchange(fd, 10'000, 20'000);
            child.wait_until_owned(fd);
        }));
    });
    const Measured measured = stage.measure({.arguments = {"-o", "+cgroup,unit,netns"}});
    check(measured);
    const Row& server = row_of(measured.report, "t-server");
    CHECK(server.unit == cgroup.path().substr(1));
    CHECK(server.netns == std::to_string(stage.netns().inode()));
    const Row& client = row_of(measured.report, "t-client");
    CHECK(client.cgroup == cgroup.path());
    CHECK(client.unit == cgroup.path().substr(1));
    CHECK_FALSE(measured.report.has_note("identity-unread"));
    CHECK(client.netns == server.netns);
}

TEST_CASE("identity: who processes are does not depend on the time namespace that the tool is in")
{
    if (!has_time_namespaces())
        TRUTH_SKIP("this kernel has no time namespaces");
    std::chrono::seconds boot_shift{1'000'000};
    SUBCASE("its clock is ahead") {}
    SUBCASE("its clock is behind") { boot_shift = std::chrono::seconds(-5); }
    Stage stage;
    start_ends(stage);
    const Measured measured = stage.measure(
        {.arguments = {"-o", "+exe,command,ppid"}, .place = Place{.net = &stage.netns(), .boot_shift = boot_shift}});
    check(measured); // by pid and start time
    CHECK(knows_program(row_of(measured.report, "t-client")));
    CHECK(knows_program(row_of(measured.report, "t-server")));
}

TEST_CASE("identity: what was known of a process is known in the window in which it ends")
{
    std::string how;
    SUBCASE("as a zombie") { how = "zombie"; }
    SUBCASE("and is gone") { how = "gone"; }
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        const int fd = self.accept(listener);
        self.receive(fd, 10'000);
        self.step();
        self.receive(fd, 20'000);
    });
    stage.start("t-parent", [=](Self& self) {
        int go[2];
        int done[2];
        must(::pipe(go), "pipe");
        must(::pipe(done), "pipe");
        char byte = 0;
        self.step();
        const pid_t child = self.child("t-client", [&](Self& client) {
            const int fd = client.connect(local4);
            client.send(fd, 10'000);
            client.wait_until_owned(fd);
            must(::write(done[1], "", 1), "tell the parent");
            must(::read(go[0], &byte, 1), "wait for the parent");
            client.send(fd, 20'000);
        });
        must(::read(done[0], &byte, 1), "wait for the child");
        self.step();
        must(::write(go[1], "", 1), "let the child go on");
        siginfo_t end{};
        must(::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | (how == "zombie" ? WNOWAIT : 0)), "waitid");
        self.step();
    });
    stage.ledger().begin_watch();
    Tool tool(stage.place(), until_told, {"--count", "2", "-o", "+exe,command,ppid"});
    stage.add_tool(tool, backend_name());
    stage.advance();
    tool.end_window();
    tool.wait_for_windows(1);
    stage.advance();
    tool.end_window();
    const Output output = tool.finish();
    REQUIRE(output.status == 0);
    const std::vector<Report> reports = parse_reports(output.out);
    REQUIRE(reports.size() == 2);
    for (const Report& report : reports) {
        const Row& row = row_of(report, "t-client");
        CHECK(within(row.tx_bytes.value_or(0), &report == &reports[0] ? 10'000 : 20'000, 2));
        CHECK(knows_program(row));
    }
}

TEST_CASE("identity: a process that is a zombie when its only window ends")
{
    Stage stage;
    start_ends(stage, [](Self& self) { self.exit(); });
    const Measured measured = stage.measure({.arguments = {"-o", "+exe,command,ppid"}});
    check(measured);
    const Row& client = row_of(measured.report, "t-client");
    if (measured.report.backend == "ebpf") { // which reads processes when the window is over
        CHECK(client.exe.empty());
        CHECK(client.command.empty());
        CHECK(measured.report.has_note("identity-unread"));
    } else {
        CHECK(knows_program(client));
        CHECK_FALSE(measured.report.has_note("identity-unread"));
    }
}

TEST_CASE("identity: a process whose first thread has ended")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        self.exchange(fd, 20'000, 10'000);
    });
    stage.start("t-client", [](Self& self) {
        const pid_t first = ::gettid();
        std::thread([&self, first] {
            die_with_parent();
            const std::string exe = "/proc/self/task/" + std::to_string(first) + "/exe";
            for (char target[1]; ::readlink(exe.c_str(), target, sizeof target) >= 0;)
                self.sleep(1ms);
            const int fd = self.connect(local4);
            self.step();
            self.exchange(fd, 10'000, 20'000);
            for (;;)
                self.step();
        }).detach();
        ::syscall(SYS_exit, 0);
    });
    const Measured measured = stage.measure({.arguments = {"-o", "+exe,command,ppid"}});
    check(measured);
    CHECK(knows_program(row_of(measured.report, "t-client")));
}

TEST_CASE("identity: users whose names the system does not tell in time are shown by their numbers")
{
    const socktally::test::TempDirectory directory;
    const std::string fifo = directory.path() / "passwd"; // nobody writes to it: who opens it to read waits for ever
    must(::mkfifo(fifo.c_str(), 0644), "mkfifo");
    const auto mounts = [&] { must(::mount(fifo.c_str(), "/etc/passwd", nullptr, MS_BIND, nullptr), "mount"); };
    Stage stage;
    start_ends(stage);
    const Measured measured = stage.measure({.place = Place{.net = &stage.netns(), .mounts = mounts}});
    check(measured);
    CHECK(row_of(measured.report, "t-client").user == "0");
    CHECK(measured.report.has_note("user-names"));
}

/// Alone, because the note names at most three engines, and ebpf sees the containers of other cases too.
TEST_CASE("identity: files of a container engine that hang do not hang the tool" * doctest::test_suite("alone"))
{
    std::string id = unique_digits();
    id.append(64 - id.size(), 'c');
    const Cgroup cgroup("docker-" + id + ".scope");
    if (!cgroup.is_there() || ::access("/dev/fuse", R_OK | W_OK) != 0)
        TRUTH_SKIP("no cgroup of version 2 can be made here, or no file system of FUSE");
    const auto mounts = [] { // a file system that never answers, not even that it is there
        const int fuse = must(::open("/dev/fuse", O_RDWR), "open /dev/fuse"); // stays open as long as the tool runs
        must(::mount("tmpfs", "/var/lib", "tmpfs", 0, nullptr), "mount tmpfs");
        must(::mkdir("/var/lib/docker", 0755), "mkdir");
        const std::string options = "fd=" + std::to_string(fuse) + ",rootmode=40000,user_id=0,group_id=0";
        must(::mount("fuse", "/var/lib/docker", "fuse", 0, options.c_str()), "mount fuse");
    };
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        self.exchange(fd, 20'000, 10'000);
    });
    stage.start("t-client", [&](Self& self) {
        cgroup.add(0);
        const int fd = self.connect(local4);
        self.step();
        self.exchange(fd, 10'000, 20'000);
    });
    const Measured measured = stage.measure(
        {.arguments = {"-o", "+container,container_id"}, .place = Place{.net = &stage.netns(), .mounts = mounts}});
    check(measured);
    CHECK(row_of(measured.report, "t-client").container_id == id);
    CHECK(measured.report.text.find("/var/lib/docker: not read in time") != std::string::npos);
}

TEST_CASE("identity: the others that hold a socket, or move its bytes")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        int start[2];
        must(::pipe(start), "pipe");
        const pid_t child = self.child("t-heir", [=](Self& heir) {
            heir.adopt(fd);
            char byte = 0;
            must(::read(start[0], &byte, 1), "wait for the parent");
            heir.send(fd, 20'000);
            heir.rest();
        });
        self.step();
        self.send(fd, 10'000);
        must(::write(start[1], "", 1), "let the child go on");
        self.await_rest(child);
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        self.receive(fd, 30'000);
    });
    const Measured measured = stage.measure({.arguments = {"-o", "+shared_with"}});
    check(measured, {.complete = false, .sharers = {"t-server", "t-heir"}});
    const auto named = [&](const std::string& process) {
        const auto& truth = measured.truth;
        const auto found =
            std::find_if(truth.begin(), truth.end(), [&](const auto& known) { return known.second.name == process; });
        REQUIRE(found != truth.end());
        return std::to_string(found->first.pid) + " " + process;
    };
    CHECK(row_of(measured.report, "t-client").shared_with.empty());
    for (const auto& [holder, other] : {std::pair("t-server", "t-heir"), std::pair("t-heir", "t-server")}) {
        const auto& rows = measured.report.rows;
        const auto row =
            std::find_if(rows.begin(), rows.end(), [holder = holder](const Row& one) { return one.process == holder; });
        if (row != rows.end() && row->tx_bytes.value_or(0) > 0) { // with all of the socket's bytes, or its own
            CHECK(row->shared_with == named(other));
        }
    }
}

TEST_CASE("identity: the files of each process are read at most once" * doctest::test_suite("alone"))
{
    // Tools of other cases read the files of all processes that moved bytes, if their backend is ebpf.
    int most = most_opens();
    for (int again = 0; again < 2 && most > 1; ++again) // ps(1) opens them too, and whatever else there is
        most = most_opens();
    CHECK(most == 1);
}
