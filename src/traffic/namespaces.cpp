// SPDX-License-Identifier: MIT
#include "traffic/namespaces.hpp"

#include "linux/clocks.hpp"
#include "linux/privileges.hpp"
#include "util/number.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string_view>
#include <system_error>

namespace socktally {

namespace {

constexpr int find_share = 30; // while a window is open, searches take at most 1/30 of the time

/// Enlarges the descriptor table of this process before the process starts threads. Otherwise the kernel doubles the
/// table each time it is full. With several threads, the kernel then waits for all CPUs each time.
void make_room(std::size_t namespaces, std::size_t files_per_namespace)
{
    constexpr std::size_t files_besides = 64;
    const std::size_t files = namespaces * files_per_namespace + files_besides;
    allow_open_files(files);
    const Fd any(::open("/", O_PATH | O_CLOEXEC));
    const Fd highest(::fcntl(any.get(), F_DUPFD_CLOEXEC, static_cast<int>(files)));
}

/// Calls `work` inside each namespace. Returns the number of namespaces that could not be entered, or in which `work`
/// threw.
std::size_t visit(const std::vector<NetworkNamespace>& namespaces, const std::function<void(Inode netns)>& work,
                  std::size_t threads)
{
    std::atomic<std::size_t> failed = 0;
    const auto attempt = [&](const NetworkNamespace& space) {
        try {
            work(Inode{space.inode});
        } catch (const std::exception&) { // every exception, because no exception may leave a thread
            ++failed;                     // most likely because no descriptors are left
        }
    };
    return in_each(namespaces, attempt, threads) + failed;
}

} // namespace

Inode own_namespace() { return Inode{own_netns_inode()}; }

std::vector<NetworkNamespace> other_namespaces(const std::vector<Inode>& wanted, const ProcessesSeen& seen)
{
    std::vector<NetworkNamespace> spaces = network_namespaces(seen);
    spaces.erase(spaces.begin()); // our own
    std::erase_if(spaces, [&](const NetworkNamespace& space) { return !is_wanted(Inode{space.inode}, wanted); });
    return spaces;
}

std::size_t enter_each(const std::vector<NetworkNamespace>& namespaces, std::size_t files_per_namespace,
                       const std::function<void(Inode netns)>& work)
{
    if (namespaces.empty()) {
        return 0;
    }
    make_room(namespaces.size(), files_per_namespace);
    return visit(namespaces, work, 1);
}

UnseenNamespaces list_namespaces(const OwnerScanner& owners, const std::vector<Inode>& wanted, std::size_t files,
                                 const std::function<void(Inode netns)>& list,
                                 const std::function<std::vector<Inode>()>& listed, const std::function<void()>& scan)
{
    std::set<Inode> tried;
    UnseenNamespaces unseen;
    const auto enter_new = [&](std::vector<NetworkNamespace> namespaces) {
        std::erase_if(namespaces, [&](const NetworkNamespace& space) {
            const Inode netns{space.inode};
            return !is_wanted(netns, wanted) || (!space.hidden && !tried.insert(netns).second);
        });
        for (const NetworkNamespace& space : namespaces) {
            if (!space.hidden) {
                unseen.left_out.push_back(Inode{space.inode});
            }
        }
        unseen.refused += enter_each(namespaces, files, [&](Inode netns) {
            list(netns);
            std::erase(unseen.left_out, netns);
        });
    };
    enter_new(network_namespaces(scan ? list_processes() : owners.processes()));
    if (scan) {
        scan();
        enter_new(owners.processes().open);
    }
    UnlistedSockets unlisted(UnlistedSockets::Kinds::all);
    const auto is_listed = [&](Inode netns) { return tried.contains(netns) || !is_wanted(netns, wanted); };
    while (true) {
        const auto found =
            unlisted.find(owners, listed(), is_listed); // owns the descriptors that its paths name (/proc/self/fd)
        if (found.empty()) {
            break;
        }
        std::vector<NetworkNamespace> spaces;
        std::transform(found.begin(), found.end(), std::back_inserter(spaces),
                       [](const auto& each) { return each.space; });
        enter_new(std::move(spaces));
    }
    unseen.unlisted = wanted.empty() && unseen.refused == 0 ? unlisted.count(is_listed) : 0;
    return unseen;
}

void OtherNamespaces::update(const ProcessesSeen& seen, When when)
{
    find(seen);
    if (when == When::window_begins) {
        refused_ = 0;
        refused_by_socket_.clear();
        leave_gone();
    }
    enter_found();
}

void OtherNamespaces::find(const ProcessesSeen& seen)
{
    const auto used = thread_cpu_time();
    found_before_ = std::exchange(found_at_, Clock::now());
    known_.clear();
    for (const NetworkNamespace& space : found_) {
        known_.insert(space.inode);
    }
    found_ = other_namespaces(wanted_, seen);
    rest_ = find_share * (thread_cpu_time() - used);
}

bool OtherNamespaces::is_due(Clock::time_point now, std::chrono::nanoseconds interval) const
{
    const auto rest = interval.count() == 0 ? interval : std::max(interval, rest_);
    return wanted_.empty() && now >= found_at_ + rest;
}

void OtherNamespaces::enter_found()
{
    std::vector<NetworkNamespace> fresh = found_;
    std::erase_if(fresh, [this](const NetworkNamespace& space) { return entered_.contains(space.inode); });
    if (fresh.empty()) {
        return;
    }
    const bool found_any_before = found_before_ != Clock::time_point{};
    make_room(found_.size(), work_.files);
    std::mutex entered;
    const auto enter_one = [&](Inode netns) {
        const bool is_new = found_any_before && !known_.contains(netns.value);
        work_.enter(netns, is_new ? Arrival::is_new : Arrival::was_there);
        const std::lock_guard lock(entered);
        entered_.insert(netns.value);
    };
    refused_ = std::max(refused_, visit(fresh, enter_one, waiting_threads));
}

bool OtherNamespaces::is_listed(Inode netns) const
{
    return netns == own_ || entered_.contains(netns.value) || !is_wanted(netns, wanted_);
}

void OtherNamespaces::find_unlisted(const OwnerScanner& owners, std::vector<Inode> listed)
{
    found_by_socket_ = unlisted_.find(owners, std::move(listed), [this](Inode netns) { return is_listed(netns); });
}

std::size_t OtherNamespaces::enter_unlisted()
{
    std::vector<NetworkNamespace> spaces;
    std::transform(found_by_socket_.begin(), found_by_socket_.end(), std::back_inserter(spaces),
                   [](const auto& each) { return each.space; });
    std::erase_if(spaces, [this](const NetworkNamespace& space) { return is_listed(Inode{space.inode}); });
    const std::size_t before = entered_.size();
    if (!spaces.empty()) {
        make_room(before + spaces.size(), work_.files);
        for (const NetworkNamespace& space : spaces) {
            const auto is_same = [&](const NetworkNamespace& found) { return found.inode == space.inode; };
            if (std::none_of(found_.begin(), found_.end(), is_same)) { // refused_ already counts those in found_
                refused_by_socket_.insert(space.inode);
            }
        }
        const auto enter_one = [&](Inode netns) {
            work_.enter(netns, Arrival::was_there);
            entered_.insert(netns.value);
            refused_by_socket_.erase(netns.value);
        };
        visit(spaces, enter_one, 1);
    }
    found_by_socket_.clear();
    return entered_.size() - before;
}

std::size_t OtherNamespaces::unlisted() const
{
    const bool is_told = wanted_.empty() && refused() == 0;
    return is_told ? unlisted_.count([this](Inode netns) { return is_listed(netns); }) : 0;
}

std::vector<Inode> OtherNamespaces::left_out() const
{
    std::vector<Inode> list;
    for (const NetworkNamespace& space : found_) {
        if (!space.hidden && !entered_.contains(space.inode)) {
            list.push_back(Inode{space.inode});
        }
    }
    for (const std::uint64_t inode : refused_by_socket_) {
        if (!entered_.contains(inode)) {
            list.push_back(Inode{inode});
        }
    }
    return list;
}

void OtherNamespaces::leave_gone()
{
    std::set<std::uint64_t> gone = entered_;
    for (const NetworkNamespace& space : found_) {
        gone.erase(space.inode);
    }
    for (const std::uint64_t netns : gone) {
        if (gone_.contains(netns) && !unlisted_.has(Inode{netns}) && work_.leave(Inode{netns})) {
            entered_.erase(netns);
        }
    }
    gone_ = std::move(gone);
}

void add_refused_namespaces(Sample& sample, std::size_t refused)
{
    if (refused == 0) {
        return;
    }
    Flow& unseen = sample.flows.emplace_back(); // the bytes stay null, which means unknown
    unseen.sockets = 0;
    unseen.has_tuple = false;
    unseen.attribution.cause = Cause::other_netns;
    sample.notes.push_back({NoteCode::other_netns, fmt::format("{} could not be entered: bytes moved there are unknown",
                                                               plural(refused, "other network namespace"))});
}

void add_namespaces_limit(std::vector<Note>& limits)
{
    if (!has_capability(CAP_SYS_ADMIN)) {
        limits.push_back({NoteCode::other_netns, "sees only the current network namespace"});
    }
}

} // namespace socktally
