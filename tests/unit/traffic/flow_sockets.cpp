// SPDX-License-Identifier: MIT
// Sockets of this machine, and holders on a /proc of our own making.
#include "traffic/packet/flow_sockets.hpp"
#include "fixture_proc.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

using namespace socktally;
using namespace socktally::test;

namespace {

/// A UDP socket of a child: a search leaves out this process's own.
class Bound {
public:
    Bound()
    {
        Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
        struct stat its {};
        REQUIRE(::fstat(fd.get(), &its) == 0);
        inode = Inode{its.st_ino};
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) {
                ::pause();
            }
        }
    }

    Bound(const Bound&) = delete;
    Bound& operator=(const Bound&) = delete;

    ~Bound()
    {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }

    Inode inode;

private:
    pid_t child_ = -1;
};

auto soon() { return OwnerScanner::Clock::now() + std::chrono::seconds(5); }

} // namespace

TEST_CASE("flow sockets: one that was missed before any list had it is handed on when one has it")
{
    FixtureProc proc;
    OwnerScanner owners(proc.root());
    owners.scan();
    FlowTable flows;
    FlowSockets sockets(owners, Captured::udp, flows);
    sockets.list();
    const Bound socket;
    proc.apply(fmt::format("process 5000001 100 0 accepts\nfd 3 socket:[{}]\n", socket.inode.value));
    owners.search({socket.inode}, OwnerScanner::Reach::likely, soon());
    std::filesystem::remove(proc.of(5000001) / "fd/3");
    proc.apply(fmt::format("process 5000002 200 0 serves\nfd 3 socket:[{}]\n", socket.inode.value));
    const std::vector<Inode> missed = owners.confirm(soon());
    REQUIRE(missed == std::vector{socket.inode});

    sockets.search_again(missed);
    CHECK(owners.held(socket.inode)); // it may be closed
    sockets.list();
    CHECK_FALSE(owners.held(socket.inode));
    REQUIRE(sockets.next_search());
    sockets.search(*sockets.next_search());
    const auto holders = owners.holders_of(socket.inode);
    CHECK(std::any_of(holders.begin(), holders.end(),
                      [&](std::uint32_t holder) { return owners.holding_processes().at(holder).pid == Pid{5000002}; }));
}
