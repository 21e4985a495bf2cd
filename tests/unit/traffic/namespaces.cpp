// SPDX-License-Identifier: MIT
// Network namespaces as they come and go from window to window.
#include "traffic/namespaces.hpp"
#include "linux/fd.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
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
    OtherNamespaces others({netns}, 1);
    std::vector<Arrival> arrivals;
    const auto enter = [&] {
        others.enter([&](Inode, Arrival arrival) { arrivals.push_back(arrival); });
        return arrivals.size();
    };
    int left = 0;
    bool may_leave = false;
    const auto leave = [&] {
        others.leave([&](Inode inode) {
            CHECK(inode == netns);
            ++left;
            return may_leave;
        });
        return left;
    };

    others.find(gone, When::window_begins);
    CHECK(enter() == 0);
    others.find(there, When::window_begins);
    others.enter([](Inode, Arrival) { throw std::system_error(EMFILE, std::generic_category()); });
    CHECK(others.refused() == 1);
    others.find(gone, When::window_is_open);
    CHECK(enter() == 0);
    CHECK(others.refused() == 1); // what moved in it is unknown, also where it is gone by now
    others.find(there, When::window_begins);
    others.find(there, When::window_begins);
    CHECK(enter() == 1);
    CHECK(others.refused() == 0);
    CHECK(arrivals.back() == Arrival::was_there);
    others.find(there, When::window_begins);
    CHECK(enter() == 1); // once

    others.find(gone, When::window_begins);
    CHECK(leave() == 0); // what happened in it is still to be read
    others.find(there, When::window_begins);
    CHECK(leave() == 0);
    CHECK(enter() == 1); // it was never left
    others.find(gone, When::window_begins);
    CHECK(leave() == 0);
    others.find(gone, When::window_begins);
    CHECK(leave() == 1);
    others.find(gone, When::window_begins);
    may_leave = true;
    CHECK(leave() == 2);
    others.find(there, When::window_begins);
    CHECK(leave() == 2);
    CHECK(enter() == 2);
    CHECK(arrivals.back() == Arrival::is_new);
}
