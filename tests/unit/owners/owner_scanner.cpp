// SPDX-License-Identifier: MIT
// Who holds which socket, on a /proc of our own making. The real one is in holders_live.cpp.
#include "owners/owner_scanner.hpp"
#include "fixture_proc.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <set>

using namespace socktally;
using namespace socktally::test;

namespace {

using Reach = OwnerScanner::Reach;

auto soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(5); }

std::vector<Inode> inodes(std::initializer_list<std::uint64_t> values)
{
    std::vector<Inode> result;
    for (const std::uint64_t value : values) {
        result.push_back(Inode{value});
    }
    return result;
}

/// (inode, pid, start time) of every hold, and the processes as they were.
struct Held {
    std::set<std::tuple<std::uint64_t, int, std::uint64_t>> all;
    std::vector<Process> processes;
};

Held holds_of(OwnerScanner& map)
{
    const auto holders = map.holders();
    Held holds{{}, map.holding_processes()};
    for (const Holder& holder : holders) {
        if (holder.idle) {
            continue;
        }
        const Process& process = holds.processes.at(holder.process);
        holds.all.emplace(holder.inode.value, process.pid.value, process.start_time.ticks);
    }
    return holds;
}

using Expected = decltype(Held::all);

} // namespace

TEST_CASE("the registered files of an io_uring: the sockets among them")
{
    constexpr std::string_view info = "pos:\t0\n"
                                      "SqMask:\t0x7\n"
                                      "    0: socket:[1]\n" // no registered file: the list has not begun
                                      "UserFiles:\t5\n"
                                      "    0: socket:[11]\n"
                                      "    1: <none>\n"
                                      "    2: /tmp/socket:[12]\n"
                                      "    3: /tmp/a\\012socket:[13]\n"
                                      "65535: socket:[14]\n"
                                      "UserBufs:\t1\n"
                                      "    0: socket:[15]\n";
    CHECK(parse_io_uring_files(info) == inodes({11}));
    CHECK(parse_io_uring_files("UserFiles:\t1\n    0: socket:[11]\n    1: socket:[12]") == inodes({11, 12}));
    CHECK(parse_io_uring_files("UserFiles:\t0\n").empty());
    CHECK(parse_io_uring_files("").empty());
    for (std::size_t length = 0; length <= info.size(); ++length) {
        CHECK(parse_io_uring_files(std::string(info.substr(0, length))).size() <= 1);
    }
}

TEST_CASE("whoever waits for a scan or a search is called between one process and the next")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 one\n"
               "fd 3 socket:[11]\n"
               "process 5000002 200 0 two\n"
               "fd 3 socket:[12]\n");
    OwnerScanner map(proc.root());
    int calls = 0;
    map.set_meanwhile([&calls] { ++calls; });
    map.scan();
    CHECK(calls == 2);
    proc.apply("process 5000003 300 0 three\n"
               "fd 3 socket:[13]\n");
    map.search(inodes({13}), Reach::likely, soon());
    CHECK(calls == 3);
}

TEST_CASE("searches that run out of time go on where the last one stopped")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 one\n"
               "fd 3 socket:[11]\n"
               "process 5000002 200 0 two\n"
               "fd 3 socket:[12]\n"
               "process 5000003 300 0 three\n"
               "fd 3 socket:[13]\n");
    OwnerScanner map(proc.root());
    map.scan();
    proc.apply("process 5000003 300 0 three\n" // as many files as before, so it is no likelier than the others
               "fd 3 socket:[14]\n");
    OwnerScanner::Clock::time_point deadline;
    map.set_meanwhile([&deadline] {
        while (OwnerScanner::Clock::now() <= deadline) { // one process is read in time, at most
        }
    });
    constexpr int most = 200; // on a busy machine some searches are late before they begin
    for (int i = 0; i < most && !map.held(Inode{14}); ++i) {
        deadline = OwnerScanner::Clock::now() + std::chrono::milliseconds(20);
        map.search(inodes({14}), Reach::everywhere, deadline);
    }
    CHECK(map.held(Inode{14}));
}

TEST_CASE("a scan finds every process that holds a socket, and who it is")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 server\n"
               "fd 3 socket:[11]\n"
               "fd 4 /dev/null\n"
               "fd 5 socket:[12]\n"
               "process 5000002 200 0 no sockets\n"
               "fd 3 pipe:[13]\n"
               "process 5000003 300 0 ring\n"
               "io_uring 7 14 15\n");
    OwnerScanner map(proc.root());
    map.scan();
    CHECK(map.held(Inode{11}));
    CHECK(map.held(Inode{15}));
    CHECK_FALSE(map.held(Inode{13}));
    CHECK(map.unheld(inodes({15, 13, 0, 11, 12, 14})) == inodes({13}));
    CHECK(map.denied() == 0);
    const Held holds = holds_of(map);
    CHECK(holds.all == Expected{{11, 5000001, 100}, {12, 5000001, 100}, {14, 5000003, 300}, {15, 5000003, 300}});
    REQUIRE(holds.processes.size() == 2);
    CHECK(holds.processes[0].uid == Uid{::geteuid()});
}

TEST_CASE("what a fork shares has several holders")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 parent\n"
               "fd 3 socket:[11]\n"
               "process 5000002 200 0 child\n"
               "fd 3 socket:[11]\n"
               "fd 4 socket:[11]\n");
    OwnerScanner map(proc.root());
    map.scan();
    CHECK(holds_of(map).all == Expected{{11, 5000001, 100}, {11, 5000002, 200}});
}

TEST_CASE("a name is any bytes")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 ) R 1 2 3\nfd 3 socket:[11]\n"
               "process 5000002 200 0 a\\nb\\x1b[31m\\xff\nfd 3 socket:[12]\n"
               "process 5000003 300 0 \nfd 3 socket:[13]\n");
    OwnerScanner map(proc.root());
    map.scan();
    std::set<std::string> names;
    for (const Process& process : map.take_processes()) {
        names.insert(process.name);
    }
    CHECK(names == std::set<std::string>{") R 1 2 3", "a\nb\x1b[31m\xff", ""});
}

TEST_CASE("only directories named by a pid are processes, and only with a stat that makes sense")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 gone in between\nfd 3 socket:[11]\n"
               "process 5000002 200 0 garbled\nfd 3 socket:[12]\n"
               "process 5000003 300 0 sane\nfd 3 socket:[13]\n");
    std::filesystem::remove(proc.of(5000001) / "stat");
    std::ofstream(proc.of(5000002) / "stat") << "5000002 (x) S 1";
    for (const char* name : {"0", "-5", "12x", "99999999999", "sys", "5000004.1"}) {
        std::filesystem::create_directories(std::filesystem::path(proc.root()) / name / "fd");
        std::filesystem::create_symlink("socket:[14]", std::filesystem::path(proc.root()) / name / "fd/3");
    }
    OwnerScanner map(proc.root());
    map.scan();
    CHECK(holds_of(map).all == Expected{{13, 5000003, 300}});
}

TEST_CASE("a pid that is used again is another process, which does not inherit what the first one held")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 first\nfd 3 socket:[11]\n");
    OwnerScanner map(proc.root());
    map.scan();
    proc.apply("process 5000001 900 0 second\nfd 3 socket:[12]\n");

    SUBCASE("seen by a search of the likeliest") { map.search(inodes({12}), Reach::likely, soon()); }
    SUBCASE("seen by a rescan") { map.rescan(); }

    const Held holds = holds_of(map);
    CHECK(holds.all == Expected{{11, 5000001, 100}, {12, 5000001, 900}});
    REQUIRE(holds.processes.size() == 2);
    CHECK(holds.processes[0].name == "first");
    CHECK(holds.processes[1].name == "second");
}

TEST_CASE("a process that became another program by exec has its new name and its old holds")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 sh\nfd 3 socket:[11]\n");
    OwnerScanner map(proc.root());
    map.scan();
    proc.apply("process 5000001 100 0 curl\nfd 3 socket:[11]\nfd 4 socket:[12]\n");
    map.rescan();
    const Held holds = holds_of(map);
    CHECK(holds.all == Expected{{11, 5000001, 100}, {12, 5000001, 100}});
    REQUIRE(holds.processes.size() == 1);
    CHECK(holds.processes[0].name == "curl");
}

TEST_CASE("who holds a socket is looked at once, and again as another program")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 sh\nfd 3 socket:[11]\n"
               "process 5000002 200 0 none\nfd 3 /dev/null\n");
    OwnerScanner map(proc.root());
    std::vector<std::string> looks;
    bool is_over = false;
    map.set_identify_process([&](Process& process) {
        looks.push_back(process.name);
        if (!is_over) {
            Identity identity;
            identity.exe = "/bin/" + process.name;
            process.identity = std::make_shared<const Identity>(identity);
        }
    });
    map.scan();
    map.rescan();
    map.search(inodes({11}), Reach::everywhere, soon());
    CHECK(looks == std::vector<std::string>{"sh"});
    proc.apply("process 5000001 100 0 curl\nfd 3 socket:[11]\n"
               "process 5000003 300 0 late\nfd 3 socket:[13]\n");
    map.search(inodes({11, 13}), Reach::everywhere, soon());
    map.rescan();
    std::sort(looks.begin(), looks.end());
    CHECK(looks == std::vector<std::string>{"curl", "late", "sh"});
    is_over = true;
    proc.apply("process 5000001 100 0 wget\nfd 3 socket:[11]\n");
    map.rescan();
    const auto processes = map.take_processes();
    CHECK(processes.at(0).name == "wget");
    CHECK(processes.at(0).identity->exe == "/bin/curl"); // the last that could be read
}

TEST_CASE("a process is looked at again where it became another program of the same name")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 python3\nstack 140730000000\nfd 3 socket:[11]\n");
    OwnerScanner map(proc.root());
    int looks = 0;
    map.set_identify_process([&looks](Process& process) {
        Identity identity;
        identity.command = std::to_string(++looks);
        process.identity = std::make_shared<const Identity>(identity);
    });
    map.scan();
    map.rescan();
    CHECK(looks == 1);
    proc.apply("process 5000001 100 0 python3\nstack 140730999999\nfd 3 socket:[11]\n");
    SUBCASE("at the end") { map.rescan(); }
    SUBCASE("in between") { map.search(inodes({11}), Reach::everywhere, soon()); }
    const auto processes = map.take_processes();
    REQUIRE(processes.size() == 1);
    CHECK(processes[0].identity->command == "2");
}

TEST_CASE("a search finds what was opened after the scan, and nothing once the time is up")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 server\nfd 3 socket:[11]\n");
    OwnerScanner map(proc.root());
    map.scan();
    proc.apply("process 5000002 200 0 new\nfd 3 socket:[12]\n");

    map.search(inodes({12}), Reach::everywhere, std::chrono::steady_clock::now() - std::chrono::seconds(1));
    CHECK(map.unheld(inodes({11, 12})) == inodes({12}));
    map.search(inodes({12, 99}), Reach::likely, soon());
    CHECK(map.held(Inode{12}));
    CHECK(map.unheld(inodes({11, 12, 99})) == inodes({99}));
    CHECK(map.unconfirmed(Inode{12}));
    CHECK_FALSE(map.unconfirmed(Inode{11}));
}

TEST_CASE("a sighting is confirmed by a second look; what is gone by then and open is nobody's until it is found again")
{
    FixtureProc proc;
    OwnerScanner map(proc.root());
    map.scan();
    proc.apply("process 5000001 100 0 stays\nfd 3 socket:[11]\n"
               "process 5000002 200 0 ring\nio_uring 3 13\n"
               "process 5000003 300 0 hands over\nfd 3 socket:[12]\n");
    map.search(inodes({11, 12, 13}), Reach::likely, soon());
    proc.apply("process 5000003 300 0 hands over\nfd 3 socket:[99]\n"
               "process 5000004 400 0 child\nfd 3 socket:[12]\n");
    CHECK(map.confirm(soon()) == inodes({12}));
    CHECK(map.confirm(soon() + std::chrono::seconds(1)).empty()); // that is known by now
    CHECK_FALSE(map.unconfirmed(Inode{11}));
    CHECK_FALSE(map.unconfirmed(Inode{13}));
    CHECK(map.unconfirmed(Inode{12}));
    CHECK(map.held(Inode{12})); // it may have been closed
    map.handed_on(Inode{12});
    CHECK(map.unheld(inodes({11, 12, 13})) == inodes({12}));
    CHECK(map.holders_of(Inode{12}).empty());
    map.closed(Inode{12});
    CHECK(holds_of(map).all == Expected{{11, 5000001, 100}, {13, 5000002, 200}});

    map.search(inodes({12}), Reach::likely, soon());
    map.confirm(soon());
    CHECK_FALSE(map.unconfirmed(Inode{12}));
    CHECK(map.held(Inode{12}));
    CHECK(holds_of(map).all ==
          Expected{{11, 5000001, 100}, {12, 5000003, 300}, {12, 5000004, 400}, {13, 5000002, 200}});
}

TEST_CASE("a socket that was handed on is found at a process that was seen with it and has not run since")
{
    FixtureProc proc;
    OwnerScanner map(proc.root());
    map.scan();
    proc.apply("process 5000001 100 0 accepts\nfd 3 socket:[11]\n");
    map.search(inodes({11}), Reach::likely, soon());
    proc.apply("process 5000002 200 0 serves\nfd 3 socket:[11]\n");
    std::filesystem::create_directories(proc.of(5000002) / "task/5000002");
    std::ofstream(proc.of(5000002) / "schedstat") << "5 0 1\n";
    map.search(inodes({99}), Reach::likely, soon()); // reads it on the way
    std::filesystem::remove(proc.of(5000001) / "fd/3");
    CHECK(map.confirm(soon()) == inodes({11}));
    map.handed_on(Inode{11});
    CHECK_FALSE(map.held(Inode{11}));
    map.search(inodes({11}), Reach::everywhere, soon());
    CHECK(map.held(Inode{11}));
    CHECK(holds_of(map).all == Expected{{11, 5000001, 100}, {11, 5000002, 200}});
}

TEST_CASE("a thread with a descriptor table of its own holds for its process, also if there is no socket in it")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 server\nfd 3 socket:[11]\nfd 4 net:[4026532001]\n");
    for (const char* thread : {"5000001", "5000005", "5000006"}) {
        std::filesystem::create_directories(proc.of(5000001) / "task" / thread / "fd");
    }
    std::filesystem::create_symlink("/dev/null", proc.of(5000001) / "task/5000005/fd/3");
    std::filesystem::create_symlink("socket:[12]", proc.of(5000001) / "task/5000006/fd/3");
    OwnerScanner map(proc.root());
    map.scan();
    map.search(inodes({12, 99}), Reach::everywhere, soon());
    const Held holds = holds_of(map);
    CHECK(holds.all == Expected{{11, 5000001, 100}, {12, 5000001, 100}});
    CHECK(holds.processes.size() == 1);
    CHECK(map.processes().open.size() == 1);
}

TEST_CASE("a place without /proc is an error, not an empty answer")
{
    CHECK_THROWS_WITH(OwnerScanner("/nonexistent/proc"),
                      "cannot open \"/nonexistent/proc\": No such file or directory");
}

TEST_CASE("descriptors that may not be listed are counted as denied")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 open\nfd 3 socket:[11]\n"
               "process 5000002 200 0 closed\nfd 3 socket:[12]\n");
    const auto closed = proc.of(5000002) / "fd";
    std::filesystem::permissions(closed, std::filesystem::perms::none);
    std::filesystem::permissions(std::filesystem::path(proc.root()).parent_path(), std::filesystem::perms(0755));
    const pid_t child = ::fork(); // root may list everything: become nobody
    if (child == 0) {
        if (::geteuid() == 0 && ::setuid(65534) != 0) {
            ::_exit(2);
        }
        OwnerScanner map(proc.root());
        map.scan();
        map.search(inodes({12}), Reach::everywhere, soon());
        ::_exit(map.denied() == 1 && map.held(Inode{11}) && !map.held(Inode{12}) ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    std::filesystem::permissions(closed, std::filesystem::perms::owner_all);
}

TEST_CASE("the next window knows who holds what now, and who did when the last one ended, and nothing of others")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 stays\nfd 3 socket:[11]\nfd 4 socket:[12]\nfd 5 socket:[12]\n"
               "process 5000002 200 0 ends\nfd 3 socket:[12]\n"
               "process 5000003 300 0 closes\nfd 3 socket:[13]\n");
    OwnerScanner map(proc.root());
    int looks = 0;
    map.set_identify_process([&](Process& process) {
        ++looks;
        process.identity = std::make_shared<const Identity>();
    });
    map.scan();
    CHECK(looks == 3);
    proc.apply("process 5000004 400 0 comes\nfd 3 socket:[14]\n");
    map.rescan();
    const Expected all{
        {11, 5000001, 100}, {12, 5000001, 100}, {12, 5000002, 200}, {13, 5000003, 300}, {14, 5000004, 400}};
    CHECK(holds_of(map).all == all);
    map.next_window();
    CHECK(map.holders_of(Inode{14}).size() == 1);

    std::filesystem::remove_all(proc.of(5000002));
    std::filesystem::remove(proc.of(5000003) / "fd/3");
    map.rescan();
    map.next_window(); // what was moved after the last dump, and before the rescan, is yet to be shown
    CHECK(map.unheld(inodes({11, 12, 13, 14})) == inodes({13}));
    CHECK(holds_of(map).all == all);
    CHECK(map.holders_of(Inode{13}).size() == 1);
    for (const Holder& holder : map.holders()) {
        const bool is_former = map.holding_processes().at(holder.process).pid == Pid{5000002};
        CHECK(holder.current == !is_former);
    }

    map.rescan();
    map.next_window();
    const Held holds = holds_of(map);
    CHECK(holds.all == Expected{{11, 5000001, 100}, {12, 5000001, 100}, {14, 5000004, 400}});
    CHECK(holds.processes.size() == 2);
    CHECK(looks == 4); // each was met once
    for (const Process& process : holds.processes) {
        CHECK(process.identity);
        CHECK(process.name == (process.pid == Pid{5000001} ? "stays" : "comes"));
    }
}

TEST_CASE("a pid that another process has by the next window is another process")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 first\nfd 3 socket:[11]\n");
    OwnerScanner map(proc.root());
    map.scan();
    map.next_window();
    std::filesystem::remove_all(proc.of(5000001));
    proc.apply("process 5000001 900 0 second\nfd 3 socket:[12]\n");
    map.rescan();
    map.next_window();
    CHECK(holds_of(map).all == Expected{{11, 5000001, 100}, {12, 5000001, 900}});
    map.next_window();
    CHECK(holds_of(map).all == Expected{{12, 5000001, 900}});
}

TEST_CASE("a process whose directory has another number in the next window is the same process")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 server\nfd 3 socket:[11]\n");
    OwnerScanner map(proc.root());
    map.scan();
    const std::filesystem::path old = proc.of(5000001).string() + ".old";
    std::filesystem::rename(proc.of(5000001), old);
    std::filesystem::copy(old, proc.of(5000001),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    map.next_window();
    CHECK(map.held(Inode{11}));
    map.rescan();
    CHECK(holds_of(map).all == Expected{{11, 5000001, 100}});
    CHECK(map.holders_of(Inode{11}).size() == 1);
}

TEST_CASE("a socket that was handed on is searched for again in the next window")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 first\n");
    OwnerScanner map(proc.root());
    map.scan();
    proc.apply("process 5000002 200 0 accepts\nfd 3 socket:[11]\n");
    map.search(inodes({11}), Reach::likely, soon());
    CHECK(map.held(Inode{11}));
    std::filesystem::remove(proc.of(5000002) / "fd/3");
    CHECK(map.confirm(soon()) == inodes({11}));
    map.next_window();
    CHECK_FALSE(map.held(Inode{11}));
    CHECK(holds_of(map).all == Expected{{11, 5000002, 200}});

    SUBCASE("and found")
    {
        proc.apply("process 5000003 300 0 serves\nfd 3 socket:[11]\n");
        map.search(inodes({11}), Reach::likely, soon());
        CHECK(map.held(Inode{11}));
        CHECK(holds_of(map).all == Expected{{11, 5000002, 200}, {11, 5000003, 300}});
        map.rescan();
        map.next_window();
        CHECK(holds_of(map).all == Expected{{11, 5000003, 300}});
    }
    SUBCASE("and found where it was before")
    {
        proc.apply("process 5000002 200 0 accepts\nfd 7 socket:[11]\n");
        map.search(inodes({11}), Reach::likely, soon());
        CHECK(map.holders_of(Inode{11}).size() == 1);
        CHECK(map.holders().size() == 1);
    }
    SUBCASE("and not found: it is nobody's, though its former holder is there")
    {
        map.disown(inodes({10, 11}));
        CHECK(map.holders_of(Inode{11}).empty());
        CHECK(holds_of(map).all.empty());
    }
}

TEST_CASE("network namespaces are open as long as a process has them open")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 engine\nfd 3 net:[4026532001]\n"
               "process 5000002 200 0 other\nfd 3 net:[4026532002]\n");
    OwnerScanner map(proc.root());
    map.scan();
    CHECK(map.processes().open.size() == 2);
    std::filesystem::remove_all(proc.of(5000002));
    map.next_window();
    REQUIRE(map.processes().open.size() == 1);
    CHECK(map.processes().open.front().inode == 4026532001);
}

TEST_CASE("a socket that nobody holds is given up after four searches, or sixteen that time cut short")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 server\n"
               "fd 3 socket:[11]\n");
    OwnerScanner map(proc.root());
    map.scan();
    const auto searches_of = [&](std::uint64_t inode, std::chrono::steady_clock::time_point deadline) {
        int count = 0;
        for (; !map.worth_searching(inodes({inode, 11})).empty(); ++count) {
            map.search(inodes({inode, 11}), Reach::likely, deadline);
        }
        return count;
    };
    CHECK(searches_of(99, soon()) == 4);
    CHECK(searches_of(98, std::chrono::steady_clock::now() - std::chrono::seconds(1)) == 16);
    CHECK(map.is_given_up(Inode{99}));
    CHECK_FALSE(map.is_given_up(Inode{11}));
}

TEST_CASE("a socket that was given up is searched again when it is handed on, or when it was not asked for in long")
{
    FixtureProc proc;
    OwnerScanner map(proc.root());
    map.scan();
    const auto give_up = [&] {
        for (int i = 0; i < 4; ++i) {
            map.search(inodes({99}), Reach::likely, soon());
        }
        REQUIRE(map.is_given_up(Inode{99}));
    };
    give_up();
    map.handed_on(Inode{99});
    CHECK_FALSE(map.is_given_up(Inode{99}));
    give_up();
    for (int i = 0; i < 10; ++i) {
        map.next_window();
    }
    CHECK(map.is_given_up(Inode{99})); // it was asked for in time
    for (int i = 0; i < 11; ++i) {
        map.next_window();
    }
    CHECK_FALSE(map.is_given_up(Inode{99}));
}

TEST_CASE("a missed socket waits for a list that shows it, for a second")
{
    using namespace std::chrono_literals;
    MissedSockets missed;
    const MissedSockets::Clock::time_point begun{};
    missed.add({Inode{7}, Inode{3}}, begun);
    missed.add({Inode{5}}, begun + 900ms);
    CHECK(missed.waiting(begun + 1s) == std::vector{Inode{3}, Inode{5}, Inode{7}});
    missed.forget(Inode{5});
    CHECK(missed.waiting(begun + 1s) == std::vector{Inode{3}, Inode{7}});
    missed.add({Inode{3}}, begun + 1s);
    CHECK(missed.waiting(begun + 1500ms) == std::vector{Inode{3}});
    CHECK(missed.waiting(begun + 3s).empty());
}
