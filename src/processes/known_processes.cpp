// SPDX-License-Identifier: MIT
#include "processes/known_processes.hpp"

#include "linux/proc.hpp"
#include "processes/process_files.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <unordered_set>

namespace socktally {

namespace {

bool has_changed(const Process& before, const Process& now)
{
    return !is_same_program(before, now) || (before.uid && now.uid && before.uid != now.uid);
}

void forget_program(Identity& identity)
{
    identity.command.reset();
    identity.exe.reset();
    identity.proxied.reset();
}

} // namespace

bool KnownProcesses::fill(int proc, const IdentityNeeds& needs, Process& process)
{
    if (known_.size() >= most_) {
        forget_ended(proc);
    }
    Known& known = known_[{process.pid, process.start_time}];
    if (known.window != window_ || has_changed(known.process, process)) {
        read(proc, needs, process, known);
        known.window = window_;
    }
    process.identity = known.process.identity;
    process.netns = process.netns == Inode{} ? known.process.netns : process.netns;
    return known.is_whole;
}

/// If the process has ended, what was read before is kept. If it became another program by exec in between, its command
/// and its executable are not known.
void KnownProcesses::read(int proc, const IdentityNeeds& needs, const Process& process, Known& known) const
{
    const auto files = read_process_files(proc, needs, process);
    const Process before = std::exchange(known.process, process);
    known.process.netns = before.netns;
    if (files) {
        Process now = process;
        now.name = files->name;
        now.stack_start = files->stack_start;
        update(known.process, now);
        known.process.netns = files->netns != Inode{} ? files->netns : before.netns;
    }
    const bool has_ended = !files || files->has_ended;
    if (!has_ended || before.identity == nullptr) {
        known.process.identity = files ? std::make_shared<const Identity>(files->identity) : nullptr;
        known.is_whole = !has_ended;
        return;
    }
    known.process.identity = before.identity;
    if (!is_same_program(before, known.process)) {
        Identity identity = *before.identity;
        forget_program(identity);
        known.process.identity = std::make_shared<const Identity>(std::move(identity));
        known.is_whole = known.is_whole && !needs.command && !needs.exe;
    }
}

void KnownProcesses::forget_ended(int proc)
{
    const auto pids = list_pids(proc, ".");
    const std::unordered_set<std::int32_t> alive(pids.begin(), pids.end());
    for (auto entry = known_.begin(); entry != known_.end();) {
        const auto next = std::next(entry);
        const Pid pid = entry->first.first;
        const bool has_ended = !alive.contains(pid.value) || (next != known_.end() && next->first.first == pid);
        if (has_ended && entry->second.window != window_) {
            known_.erase(entry);
        }
        entry = next;
    }
    most_ = std::max(most_, 2 * known_.size());
}

} // namespace socktally
