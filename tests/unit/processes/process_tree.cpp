// SPDX-License-Identifier: MIT
// Which processes descend from which, with processes of our own.
#include "processes/process_tree.hpp"
#include "linux/child.hpp"
#include "processes/process_files.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

using namespace socktally;

namespace {

/// A shell, and a process whose parent was a second shell, which the first one has waited for.
class ShellFamily {
public:
    ShellFamily()
    {
        std::array<int, 2> out{};
        REQUIRE(::pipe(out.data()) == 0);
        const std::string script =
            "pid=$(sh -c 'sleep 1000 >&- & echo $!'); echo $pid >&" + std::to_string(out[1]) + "; exec sleep 1000";
        shell_.emplace(std::vector<std::string>{"sh", "-c", script}, surroundings_, std::nullopt);
        tree_before_.emplace(ProcessTree::Orphans::come_here);
        REQUIRE(tree_before_->add_root(Pid{shell_->pid()}) == 0U);
        tree_before_->look(); // begins the window
        shell_->start();
        std::array<char, 16> text{};
        REQUIRE(::read(out[0], text.data(), text.size() - 1) > 0);
        orphan_ = std::atoi(text.data());
        ::close(out[0]);
        ::close(out[1]);
    }
    ~ShellFamily()
    {
        ::kill(orphan_, SIGKILL);
        ::kill(shell_->pid(), SIGKILL);
        shell_->wait();
        shell_->reap();
        std::signal(SIGINT, SIG_DFL);
        std::signal(SIGQUIT, SIG_DFL);
        surroundings_.restore();
    }
    ShellFamily(const ShellFamily&) = delete;
    ShellFamily& operator=(const ShellFamily&) = delete;

    ProcessTree& tree() { return *tree_before_; }
    pid_t shell() const { return shell_->pid(); }
    pid_t orphan() const { return orphan_; }

private:
    Surroundings surroundings_;
    std::optional<Child> shell_;
    std::optional<ProcessTree> tree_before_;
    pid_t orphan_ = 0;
};

Process process_of(pid_t pid)
{
    const Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    return read_process(proc.get(), Pid{pid}).value();
}

} // namespace

TEST_CASE("an orphan that comes here descends from the command")
{
    ShellFamily family;
    CHECK(family.tree().trees_of(process_of(family.shell())) == 1U);
    CHECK(family.tree().trees_of(process_of(family.orphan())) == 1U);
    CHECK(family.tree().trees_of(process_of(::getpid())) == 0U);
    CHECK(family.tree().trees_of(process_of(1)) == 0U);
    family.tree().look();
    const auto members = family.tree().members();
    for (const pid_t pid : {family.shell(), family.orphan()}) {
        CHECK(std::count(members.begin(), members.end(), std::pair(Pid{pid}, std::uint64_t{1})) == 1);
    }
    CHECK(family.tree().sightings().users == std::set<Uid>{Uid{::geteuid()}});
    CHECK_FALSE(family.tree().sightings().leaves_netns);
}

TEST_CASE("a process is not known any more when it has ended")
{
    ShellFamily family;
    Process process = process_of(family.orphan());
    process.start_time.ticks += 1; // another one that had the same pid
    CHECK_FALSE(family.tree().trees_of(process));
}

TEST_CASE("each root has a bit of its own, and a process may descend from several")
{
    ShellFamily family;
    ProcessTree tree(ProcessTree::Orphans::go_away);
    CHECK(tree.add_root(Pid{family.shell()}) == 0U);
    CHECK(tree.add_root(Pid{::getpid()}) == 1U);
    CHECK_FALSE(tree.add_root(Pid{0x7fffffff}));
    tree.look();
    CHECK(tree.trees_of(process_of(family.shell())) == 3U);
    CHECK(tree.trees_of(process_of(family.orphan())) == 2U); // the shell is not its parent any more
    CHECK(tree.trees_of(process_of(::getpid())) == 2U);
}

TEST_CASE("an orphan of the window that an ancestor may have adopted cannot be placed")
{
    const Surroundings surroundings;
    ProcessTree tree(ProcessTree::Orphans::go_away);
    Child root({"sleep", "1000"}, surroundings, std::nullopt);
    REQUIRE(tree.add_root(Pid{root.pid()}) == 0U);
    tree.look();
    Child other({"sleep", "1000"}, surroundings, std::nullopt);
    CHECK_FALSE(tree.trees_of(process_of(other.pid())));
    for (Child* child : {&root, &other}) {
        ::kill(child->pid(), SIGKILL);
        child->wait();
    }
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGQUIT, SIG_DFL);
    surroundings.restore();
}
