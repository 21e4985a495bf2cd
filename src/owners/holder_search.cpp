// SPDX-License-Identifier: MIT
// The holders of sockets that are new: looked for where they are likeliest, and looked at again.
#include "linux/proc.hpp"
#include "owners/holder_map.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// A holder is looked at again after this, then after twice as long, and so on.
constexpr auto first_interval = 8ms;

} // namespace

std::int64_t HolderMap::count_files(Pid pid) const
{
    struct stat count {};
    return ::fstatat(proc_.get(), fmt::format("{}/fd", pid.value).c_str(), &count, 0) == 0 ? count.st_size : 0;
}

bool HolderMap::search(const std::vector<Inode>& wanted, Reach reach, Clock::time_point deadline)
{
    wanted_.clear();
    parents_.clear();
    for (const Inode inode : wanted) {
        wanted_.insert(inode.value);
    }
    for (const Inode own : own_sockets()) { // captures, which no other process holds
        wanted_.erase(own.value);
    }
    if (wanted_.empty()) {
        return true;
    }
    const std::vector<Entry> entries = list_processes();
    std::vector<bool> looked(entries.size());
    const auto late = [&] { return Clock::now() > deadline; };
    const auto done = [&] { return wanted_.empty() || late(); };
    const auto look_until = [&](auto over, auto likely) {
        for (std::size_t i = 0; i < entries.size() && !over(); ++i) {
            if (!looked[i] && likely(entries[i]) && !known_as_denied(entries[i])) {
                looked[i] = true;
                look_at(entries[i], Look::again);
            }
        }
    };
    look_until(late, [&](const Entry& entry) { return seen_of(entry) == nullptr; });
    look_until(done, [&](const Entry& entry) { return hot_.contains(entry.pid.value); });
    look_until(done, [&](const Entry& entry) { return seen_of(entry)->files != count_files(entry.pid); });
    if (reach == Reach::everywhere) {
        look_until(done, [&](const Entry& entry) { return !has_not_run(entry); });
        for (std::size_t i = 0; i < entries.size() && !done(); ++i) {
            look_at_threads(entries[i]);
        }
    }
    const bool is_finished = wanted_.empty() || !late();
    // However late: only the two together say who may have moved its bytes.
    look_until([] { return false; }, [&](const Entry& entry) { return parents_.contains(entry.pid.value); });
    return is_finished;
}

/// One that nobody asked for yet is new all the same: found on the way to another, it counts as held, and would not be
/// asked for later.
bool HolderMap::add_later(const SocketFd& socket, std::uint32_t process, Pid pid, bool known)
{
    const std::uint64_t inode = socket.inode.value;
    const bool is_found = wanted_.erase(inode) != 0 || !held(socket.inode);
    if (!known) {
        holds_.add_later(socket.inode, process);
    }
    if (is_found) {
        hot_.insert_or_assign(pid.value, Clock::now());
        unconfirmed_.insert(inode);
        holds_.found(socket.inode);
        const auto next_look = Clock::now() + first_interval;
        sightings_.insert_or_assign(inode, Sighting{pid, socket, next_look, first_interval});
        next_confirm_ = std::min(next_confirm_, next_look);
    }
    return is_found;
}

bool HolderMap::still_holds(const Sighting& sighting) const
{
    const auto& [inode, fd, thread] = sighting.socket;
    if (fd < 0) {
        return true; // not asked for: it costs too much
    }
    std::array<char, 64> link{};
    const std::string path = thread != 0 ? fmt::format("{}/task/{}/fd/{}", sighting.pid.value, thread, fd)
                                         : fmt::format("{}/fd/{}", sighting.pid.value, fd);
    const ssize_t length = ::readlinkat(proc_.get(), path.c_str(), link.data(), link.size());
    return length > 0 && parse_socket_link({link.data(), static_cast<std::size_t>(length)}) == inode.value;
}

/// A later look at the process finds the socket anew where it is at another descriptor.
void HolderMap::forget_sighting(Inode inode)
{
    const auto sighting = sightings_.find(inode.value);
    const auto seen = seen_.find(sighting->second.pid.value);
    if (seen != seen_.end()) {
        std::erase(seen->second.inodes, inode.value);
    }
    sightings_.erase(sighting);
}

std::vector<Inode> HolderMap::confirm(Clock::time_point now)
{
    std::vector<Inode> missed;
    if (now < next_confirm_) {
        return missed;
    }
    next_confirm_ = Clock::time_point::max();
    std::unordered_set<std::int32_t> refreshed; // pids
    for (auto& [inode, sighting] : sightings_) {
        if (now >= sighting.next_look) {
            if (still_holds(sighting)) {
                unconfirmed_.erase(inode);
            } else {
                missed.push_back(Inode{inode});
            }
            const auto seen = seen_.find(sighting.pid.value);
            if (seen != seen_.end() && seen->second.process && refreshed.insert(sighting.pid.value).second) {
                refresh(holds_.processes()[*seen->second.process]);
            }
            sighting.interval *= 2;
            sighting.next_look = now + sighting.interval;
        }
        next_confirm_ = std::min(next_confirm_, sighting.next_look);
    }
    for (const Inode inode : missed) {
        forget_sighting(inode);
    }
    std::sort(missed.begin(), missed.end());
    return missed;
}

void HolderMap::closed(Inode inode)
{
    for (const std::uint32_t process : holders_of(inode)) {
        hot_.insert_or_assign(holds_.process(process).pid.value, Clock::now());
    }
    sightings_.erase(inode.value);
}

void HolderMap::forget(Inode inode)
{
    holds_.forget(inode);
    unconfirmed_.erase(inode.value);
    forget_traced(inode);
}

void find_holders(HolderMap& holders, const std::vector<Flow>& flows)
{
    constexpr std::chrono::milliseconds longest_search{500};
    std::vector<Inode> inodes;
    inodes.reserve(flows.size());
    for (const Flow& flow : flows) {
        inodes.push_back(flow.inode);
    }
    const std::vector<Inode> unheld = holders.unheld(std::move(inodes));
    if (!unheld.empty()) {
        holders.search(unheld, HolderMap::Reach::everywhere, HolderMap::Clock::now() + longest_search);
    }
}

} // namespace socktally
