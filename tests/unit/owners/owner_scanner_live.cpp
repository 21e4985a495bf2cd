// SPDX-License-Identifier: MIT
// Who holds which socket, on the real /proc, with children of the test that open sockets and hand them over.
#include "linux/file.hpp"
#include "linux/proc.hpp"
#include "owners/owner_scanner.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <thread>

using namespace socktally;

namespace {

using Reach = OwnerScanner::Reach;

auto soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

/// Whether the socket is not where it was. Those of other processes on this machine come and go as they like.
bool misses(OwnerScanner& map, Inode inode)
{
    const std::vector<Inode> missed = map.confirm(soon());
    return std::find(missed.begin(), missed.end(), inode) != missed.end();
}

/// A child that answers each command with a number, until it is over with the test.
class Child {
public:
    using Answer = std::function<std::uint64_t(char command)>;

    Child(const char* name, const Answer& answer)
    {
        std::array<int, 2> commands{};
        std::array<int, 2> answers{};
        REQUIRE(::pipe2(commands.data(), O_CLOEXEC) == 0);
        REQUIRE(::pipe2(answers.data(), O_CLOEXEC) == 0);
        const Fd theirs_in(commands[0]);
        const Fd theirs_out(answers[1]);
        to_ = Fd(commands[1]);
        from_ = Fd(answers[0]);
        pid_ = ::fork();
        if (pid_ == 0) {
            to_ = Fd();
            ::prctl(PR_SET_NAME, name);
            for (char command = 0; ::read(theirs_in.get(), &command, 1) == 1;) {
                const std::uint64_t result = answer(command);
                (void)!::write(theirs_out.get(), &result, sizeof result);
            }
            ::_exit(0);
        }
        REQUIRE(pid_ > 0);
    }
    ~Child()
    {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    std::uint64_t ask(char command) const
    {
        std::uint64_t result = 0;
        REQUIRE(::write(to_.get(), &command, 1) == 1);
        REQUIRE(::read(from_.get(), &result, sizeof result) == sizeof result);
        return result;
    }
    /// Asleep for so long that its last slice on a CPU has been charged.
    void wait_until_idle() const
    {
        constexpr auto long_enough = std::chrono::milliseconds(20);
        std::optional<SchedStat> before;
        const Fd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        do {
            before = read_ran(proc.get(), pid());
            std::this_thread::sleep_for(long_enough);
        } while (read_ran(proc.get(), pid()) != before);
    }
    Pid pid() const { return Pid{pid_}; }

private:
    Fd to_;
    Fd from_;
    pid_t pid_ = -1;
};

/// Some kernels do not say how much a process has run.
bool keeps_statistics()
{
    std::string buffer;
    constexpr std::size_t limit = 100;
    return parse_sched_stat(read_file(AT_FDCWD, "/proc/self/schedstat", buffer, limit).value_or("")).has_value();
}

/// Of the internet: a list through BPF, which a machine with many open files gets, has no others.
int open_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

std::uint64_t inode_of(int fd)
{
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

std::uint64_t open_one(char) { return inode_of(open_socket()); }

/// The processes that hold it.
std::vector<Process> holders_of(OwnerScanner& map, std::uint64_t inode)
{
    const auto holders = map.take_holders();
    const auto processes = map.take_processes();
    std::vector<Process> found;
    for (const Holder& holder : holders) {
        if (holder.inode.value == inode && !holder.idle) {
            found.push_back(processes.at(holder.process));
        }
    }
    return found;
}

} // namespace

TEST_CASE("live: a scan finds a child's socket and names the child")
{
    const Child child("a) R 1\nb", open_one);
    const std::uint64_t inode = child.ask('o');
    OwnerScanner map;
    map.scan();
    const auto holders = holders_of(map, inode);
    REQUIRE(holders.size() == 1);
    CHECK(holders[0].pid == child.pid());
    CHECK(holders[0].name == "a) R 1\nb");
    CHECK(holders[0].uid == Uid{::geteuid()});
    CHECK(holders[0].start_time.ticks > 0);
}

TEST_CASE("live: of the processes that share a socket those that ran since the scan are holders, and we are never one")
{
    const Fd shared(open_socket());
    const Child first("first", open_one);
    const Child second("second", open_one);
    first.wait_until_idle();
    second.wait_until_idle();
    OwnerScanner map;
    map.scan();
    second.ask('o');
    bool both_ran = false;
    SUBCASE("both ran") { both_ran = first.ask('o') != 0; }
    SUBCASE("one ran, the other cannot have moved a byte") {}
    map.rescan();
    std::vector<Pid> pids;
    for (const Process& process : holders_of(map, inode_of(shared.get()))) {
        pids.push_back(process.pid);
    }
    CHECK(std::count(pids.begin(), pids.end(), second.pid()) == 1);
    CHECK(std::count(pids.begin(), pids.end(), first.pid()) == (both_ran || !keeps_statistics() ? 1 : 0));
    CHECK(std::count(pids.begin(), pids.end(), Pid{::getpid()}) == 0);
}

TEST_CASE("live: a search finds a socket opened after the scan")
{
    const Child child("opener", open_one);
    child.ask('o');
    OwnerScanner map;
    map.scan();
    const Inode later{child.ask('o')};
    CHECK(map.unheld({later}) == std::vector{later});
    map.search({later}, Reach::everywhere, soon());
    CHECK(map.held(later));
    map.confirm(soon());
    CHECK_FALSE(map.unconfirmed(later));
    const auto holders = holders_of(map, later.value);
    REQUIRE(holders.size() == 1);
    CHECK(holders[0].pid == child.pid());
}

TEST_CASE("live: a process born after the scan is among the likeliest")
{
    OwnerScanner map;
    map.scan();
    const Child child("newborn", open_one);
    const Inode inode{child.ask('o')};
    map.search({inode}, Reach::likely, soon());
    CHECK(map.held(inode));
}

TEST_CASE("live: of a socket that a fork has shared both holders are found, whichever is looked at first")
{
    const auto open_and_fork = [](char) {
        const int fd = open_socket();
        const pid_t parent = ::getpid();
        if (::fork() == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::prctl(PR_SET_NAME, "heir");
            while (::getppid() == parent) { // it may be over already
                ::pause();
            }
            ::_exit(0);
        }
        return inode_of(fd);
    };
    const Child child("parent", open_and_fork);
    OwnerScanner map;
    map.scan();
    const std::uint64_t inode = child.ask('o');
    map.search({Inode{inode}}, Reach::likely, soon());
    CHECK(holders_of(map, inode).size() == 2);
}

TEST_CASE("live: a rescan finds what a process opened that has run since, also where it has many files")
{
    const auto open_many = [](char command) {
        std::uint64_t last = 0;
        for (int i = 0; i < (command == 'm' ? 20 : 1); ++i) {
            last = open_one(command);
        }
        return last;
    };
    const Child child("many files", open_many);
    child.ask('m');
    OwnerScanner map;
    map.scan();
    const Inode later{child.ask('o')};
    map.rescan();
    CHECK(map.held(later));
}

TEST_CASE("live: confirm notices a socket that was handed to another process")
{
    OwnerScanner map;
    map.scan();
    int held = -1;
    const auto open_or_close = [&held](char command) {
        if (command == 'c') {
            return static_cast<std::uint64_t>(::close(held));
        }
        held = open_socket();
        return inode_of(held);
    };
    const Child server("server", open_or_close);
    const Inode inode{server.ask('o')};
    map.search({inode}, Reach::likely, soon());
    REQUIRE(map.held(inode));
    REQUIRE(server.ask('c') == 0);
    CHECK(misses(map, inode));
    CHECK(map.unconfirmed(inode));
}

TEST_CASE("live: whoever is found on the way to another holder is looked at again too")
{
    OwnerScanner map;
    map.scan();
    const auto open_or_rename = [](char command) {
        return command == 'o' ? open_one(command) : static_cast<std::uint64_t>(::prctl(PR_SET_NAME, "after"));
    };
    const Child wanted("wanted", open_one);
    const Child other("before", open_or_rename);
    const std::uint64_t inode = other.ask('o');
    map.search({Inode{wanted.ask('o')}}, Reach::likely, soon());
    REQUIRE(map.held(Inode{inode}));
    CHECK(map.unconfirmed(Inode{inode}));
    REQUIRE(other.ask('r') == 0);
    map.confirm(soon());
    CHECK_FALSE(map.unconfirmed(Inode{inode}));
    const auto holders = holders_of(map, inode);
    REQUIRE(holders.size() == 1);
    CHECK(holders[0].name == "after");
}

TEST_CASE("live: a socket in a thread's own descriptor table is found, at its process")
{
    const auto open_in_thread = [](char command) {
        static std::atomic<std::uint64_t> inode = 0;
        std::thread([command] {
            const bool own_table = ::unshare(CLONE_FILES) == 0;
            inode = own_table ? open_one(command) : 1;
            ::pause();
        }).detach();
        while (inode == 0) {
            std::this_thread::yield();
        }
        return inode.load();
    };
    const Child child("threads", open_in_thread);
    OwnerScanner map;
    map.scan();
    const Inode inode{child.ask('t')};
    REQUIRE(inode.value > 1);
    map.search({inode}, Reach::everywhere, soon());
    CHECK_FALSE(misses(map, inode)); // it is looked for in that thread's table again
    const auto holders = holders_of(map, inode.value);
    REQUIRE(holders.size() == 1);
    CHECK(holders[0].pid == child.pid());
    CHECK(holders[0].name == "threads");
}

TEST_CASE("live: without a window nobody is left out for not having run")
{
    const Fd shared(open_socket());
    const Child first("first", open_one);
    const Child second("second", open_one);
    first.wait_until_idle();
    second.wait_until_idle();
    OwnerScanner map;
    map.scan();
    second.ask('o');
    CHECK(holders_of(map, inode_of(shared.get())).size() == 2);
}
