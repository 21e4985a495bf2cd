// SPDX-License-Identifier: MIT
// Network namespaces as they come and go from window to window.
#include "traffic/namespaces.hpp"
#include "linux/fd.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

using namespace socktally;

namespace {

using Arrival = OtherNamespaces::Arrival;
using When = OtherNamespaces::When;

/// Another network namespace, which lives by a descriptor of ours; null where none may be made.
Fd make_namespace()
{
    Fd file;
    std::thread([&file] {
        if (::unshare(CLONE_NEWNET) == 0) {
            file = Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        }
    }).join();
    return file;
}

/// A child that holds a socket of a network namespace which nothing else keeps.
class Visitor {
public:
    Visitor()
    {
        Fd socket;
        std::thread([&] {
            if (::unshare(CLONE_NEWNET) == 0) {
                netns = Inode{netns_of_thread()};
                socket = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            }
        }).join();
        child_ = socket ? ::fork() : -1;
        if (child_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) {
                ::pause();
            }
        }
    }
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;
    ~Visitor()
    {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, nullptr, 0);
        }
    }
    bool is_there() const { return child_ > 0; }

    Inode netns;

private:
    pid_t child_ = -1;
};

} // namespace

TEST_CASE("a namespace is left when it was not there twice, and one that could not be entered is tried again")
{
    const Fd file = make_namespace();
    if (!file) {
        MESSAGE("skipped: no network namespace may be made here");
        return;
    }
    const std::string path = fmt::format("/proc/{}/fd/{}", ::getpid(), file.get());
    const Inode netns{netns_inode(path).value()};
    const ProcessesSeen there{{}, {{netns.value, path}}};
    const ProcessesSeen gone;
    std::vector<Arrival> entered;
    bool may_enter = true;
    int left = 0; // how often it was to be left
    bool may_leave = false;
    const auto enter = [&](Inode, Arrival arrival) {
        if (!may_enter) {
            throw std::system_error(EMFILE, std::generic_category());
        }
        entered.push_back(arrival);
    };
    const auto leave = [&](Inode inode) {
        CHECK(inode == netns);
        ++left;
        return may_leave;
    };
    OtherNamespaces others({netns}, {enter, leave, 1});
    struct Step {
        const ProcessesSeen& seen;
        When when;
        bool may_enter;
        bool may_leave;
        std::size_t refused;
        std::size_t entered; // so far
        int left;            // so far
    };
    const Step steps[] = {
        {gone, When::window_begins, true, false, 0, 0, 0},
        {there, When::window_begins, false, false, 1, 0, 0}, // it is refused
        {gone, When::window_is_open, true, false, 1, 0, 0},  // what moved in it is unknown, also if it is gone by now
        {there, When::window_begins, false, false, 1, 0, 0},
        {there, When::window_begins, true, false, 0, 1, 0}, // tried again
        {there, When::window_begins, true, false, 0, 1, 0}, // once
        {gone, When::window_begins, true, false, 0, 1, 0},  // what happened in it is still to be read
        {there, When::window_begins, true, false, 0, 1, 0}, // it was never left
        {gone, When::window_begins, true, false, 0, 1, 0},
        {gone, When::window_begins, true, false, 0, 1, 1}, // twice
        {gone, When::window_begins, true, true, 0, 1, 2},  // tried again
        {there, When::window_begins, true, true, 0, 2, 2}, // it is new
    };
    for (const Step& step : steps) {
        CAPTURE(&step - steps);
        may_enter = step.may_enter;
        may_leave = step.may_leave;
        others.update(step.seen, step.when);
        CHECK(others.refused() == step.refused);
        CHECK(entered.size() == step.entered);
        CHECK(left == step.left);
    }
    CHECK(entered.front() == Arrival::was_there);
    CHECK(entered.back() == Arrival::is_new);
}

TEST_CASE("a namespace that only a socket leads to is left out as long as it cannot be entered, and counted once")
{
    const Visitor visitor;
    if (!visitor.is_there()) {
        MESSAGE("skipped: no network namespace may be made here");
        return;
    }
    OwnerScanner owners;
    owners.scan();
    bool may_enter = false;
    const auto enter = [&](Inode netns, Arrival arrival) {
        CHECK(netns == visitor.netns);
        CHECK(arrival == Arrival::was_there);
        if (!may_enter) {
            throw std::system_error(EMFILE, std::generic_category());
        }
    };
    OtherNamespaces others({visitor.netns}, {enter, [](Inode) { return false; }, 1});
    others.update({}, When::window_begins);
    CHECK(others.left_out().empty());
    for (int attempt = 0; attempt < 2; ++attempt) {
        others.find_unlisted(owners, {});
        CHECK(others.enter_unlisted() == 0);
        CHECK(others.left_out() == std::vector{visitor.netns});
        CHECK(others.refused() == 1);
    }
    may_enter = true;
    others.find_unlisted(owners, {});
    CHECK(others.enter_unlisted() == 1);
    CHECK(others.left_out().empty());
    CHECK(others.refused() == 0);
}
