// SPDX-License-Identifier: MIT
#include "traffic/netstat/socket_holders.hpp"

#include <algorithm>
#include <string>

namespace socktally {

void SocketHolders::next_list() { first_ = std::exchange(last_, {}); }

std::optional<std::vector<LsofProcess>> SocketHolders::run_lsof(Faults& faults) const
{
    ProgramResult result = run_program({system_.lsof, "-i", "-n", "-P", "+c", "0", "-F", "pcnPtTn"}, system_.limits);
    const bool finds_nothing = result.has_exited_with(1); // also if it could not read something
    if (!result.has_exited_with(0) && !finds_nothing) {
        ++faults[result.end == ProgramResult::End::timed_out ? Fault::commands_timed_out : Fault::commands_failed];
        return std::nullopt;
    }
    LsofProcesses parsed = parse_lsof(result.text);
    faults[Fault::garbled] += parsed.garbled;
    return std::move(parsed.processes);
}

/// Looks a process up once for each list. `name` replaces a name that the system does not tell.
const std::optional<Process>& SocketHolders::look_up(Pid pid, std::string_view name, const IdentifyProcess& identify)
{
    const auto [known, is_new] = processes_.try_emplace(pid);
    if (is_new) {
        known->second = system_.look_up(pid);
    }
    auto& process = known->second;
    if (process && process->name.empty()) {
        process->name = name;
    }
    if (process && is_new && identify) {
        identify(*process);
    }
    return process;
}

void SocketHolders::find(const std::vector<const NetstatRow*>& rows, const IdentifyProcess& identify, Faults& faults)
{
    processes_.clear();
    last_ = {};
    const auto listed = run_lsof(faults);
    std::map<Tuple, Pids> held;
    std::map<Pid, std::string_view> names;
    for (const LsofProcess& process : listed.value_or(std::vector<LsofProcess>())) {
        names.emplace(process.pid, process.name);
        for (const Tuple& tuple : process.sockets) {
            held[tuple].insert(process.pid);
        }
    }
    std::map<Tuple, std::uint32_t> sockets;
    for (const NetstatRow* row : rows) {
        ++sockets[row->socket.tuple];
    }
    for (const NetstatRow* row : rows) {
        const Tuple& tuple = row->socket.tuple;
        const Pids shown = row->is_cut ? Pids() : held[tuple];
        const bool is_only_one = sockets[tuple] == 1 && !row->is_cut;
        Pids pids = is_only_one ? shown : Pids();
        const bool has_user = row->socket.state != TcpState::time_wait; // else the process may have ended long ago
        if (has_user && row->pid && *row->pid != Pid{}) {
            const auto& process = look_up(*row->pid, row->process, identify);
            const bool is_shown = shown.contains(*row->pid);
            const bool is_hidden = !listed || row->is_cut || (process && !is_in_sight(*process));
            if (is_shown || is_hidden) {
                pids.insert(*row->pid);
            }
        }
        for (const Pid pid : pids) {
            if (const auto& process = look_up(pid, names[pid], identify)) {
                last_.holders.emplace_back(row->socket.inode, *process);
            }
        }
        if (row->pid == Pid{} && pids.empty()) {
            last_.of_kernel.insert(row->socket.inode);
        }
        if (is_only_one && !shown.empty()) {
            last_.confirmed.insert(row->socket.inode);
        }
    }
}

void SocketHolders::add_to(Sample& sample) const
{
    std::map<std::pair<Pid, StartTime>, std::uint32_t> known;
    const auto index_of = [&](const Process& process) {
        const auto [entry, is_new] =
            known.try_emplace({process.pid, process.start_time}, static_cast<std::uint32_t>(sample.processes.size()));
        if (is_new) {
            sample.processes.push_back(process);
        }
        return entry->second;
    };
    std::set<Inode> flows;
    for (const Flow& flow : sample.flows) {
        flows.insert(flow.inode);
    }
    std::set<std::pair<Inode, std::uint32_t>> current;
    for (const auto& [inode, process] : last_.holders) {
        if (flows.contains(inode)) {
            const std::uint32_t index = index_of(process);
            current.emplace(inode, index);
            sample.holders.push_back({inode, index});
        }
    }
    for (const auto& [inode, process] : first_.holders) {
        if (flows.contains(inode)) {
            const std::uint32_t index = index_of(process);
            if (!current.contains({inode, index})) {
                sample.holders.push_back({inode, index, false});
            }
        }
    }
}

} // namespace socktally
