// SPDX-License-Identifier: MIT
// The end of a window: what is handed over, and what of it is forgotten before the next one.
#include "linux/file.hpp"
#include "owners/holder_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// Whoever opened or closed a socket so long ago is no likelier than others to hold the next one.
constexpr auto hot_time = 10s;

} // namespace

/// Of several holders of a socket one that does not run cannot be the one that moves its bytes: a shell that waits for
/// its child, the privileged half of sshd.
HolderMap::RunTimes HolderMap::run_times_of_sharers() const
{
    RunTimes times;
    for (const std::uint32_t process : holds_.sharers()) {
        if (times.contains(process)) {
            continue;
        }
        if (const auto ran = read_ran(proc_.get(), holds_.process(process).pid)) {
            times.emplace(process, *ran);
        }
    }
    return times;
}

/// Whether its process still had the socket when it was last looked at, and is not over.
bool HolderMap::is_current(const Holder& holder) const
{
    const std::int32_t pid = holds_.process(holder.process).pid.value;
    const auto seen = seen_.find(pid);
    return std::binary_search(pids_.begin(), pids_.end(), pid) && seen != seen_.end() &&
           seen->second.process == holder.process &&
           std::binary_search(seen->second.inodes.begin(), seen->second.inodes.end(), holder.inode.value);
}

std::vector<Holder> HolderMap::marked(std::vector<Holder> holders) const
{
    for (auto begin = holders.begin(); begin != holders.end();) {
        const auto end =
            std::find_if(begin, holders.end(), [&](const Holder& holder) { return holder.inode != begin->inode; });
        const bool is_shared = end - begin > 1;
        const auto is_idle = [&](const Holder& holder) { return idle_.contains(holder.process); };
        const bool somebody_ran = is_shared && !std::all_of(begin, end, is_idle);
        for (; begin != end; ++begin) {
            begin->current = !is_shared || is_current(*begin);
            begin->idle = somebody_ran && is_idle(*begin);
        }
    }
    return holders;
}

const std::vector<Process>& HolderMap::holding_processes()
{
    for (Process& process : holds_.processes()) {
        if (hot_.contains(process.pid.value)) { // else looked at in rescan(), or it has not run
            refresh(process);
        }
    }
    return holds_.processes();
}

std::vector<Process> HolderMap::take_processes()
{
    holding_processes();
    return std::move(holds_.processes());
}

void HolderMap::next_window()
{
    forget_ended_processes();
    forget_former_holders();
    idle_.clear();
    traced_groups_.clear();
    failed_ = 0;
    std::erase_if(hot_, [now = Clock::now()](const auto& entry) { return now - entry.second > hot_time; });
}

void HolderMap::forget_ended_processes()
{
    std::unordered_map<std::int32_t, std::uint64_t> alive;
    for (const Entry& entry : list_processes()) {
        alive.emplace(entry.pid.value, entry.directory);
    }
    std::erase_if(seen_, [&](const auto& entry) {
        const auto found = alive.find(entry.first);
        return found == alive.end() || found->second != entry.second.directory;
    });
    std::erase_if(denied_, [this](std::int32_t pid) { return !seen_.contains(pid); });
}

/// What each process held when it was last looked at.
std::vector<Holder> HolderMap::held_now() const
{
    std::vector<Holder> held;
    for (const auto& [pid, seen] : seen_) {
        for (const std::uint64_t inode : seen.inodes) {
            held.push_back({Inode{inode}, seen.process.value()});
        }
    }
    return held;
}

void HolderMap::forget_former_holders()
{
    const auto indices = holds_.next_window(held_now());
    for (auto& [pid, seen] : seen_) {
        seen.process = seen.process ? indices[*seen.process] : std::nullopt;
    }
    sharers_.clear();
    for (const auto& [process, ran] : std::exchange(next_sharers_, {})) {
        if (indices[process]) {
            sharers_.emplace(*indices[process], ran);
        }
    }
    std::erase_if(unconfirmed_, [this](std::uint64_t inode) { return holders_of(Inode{inode}).empty(); });
    std::erase_if(sightings_, [this](const auto& entry) { return !held(Inode{entry.first}); });
    std::erase_if(traced_, [this](const auto& entry) { return !held(Inode{entry.first}); });
}

} // namespace socktally
