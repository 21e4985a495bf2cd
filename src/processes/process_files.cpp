// SPDX-License-Identifier: MIT
#include "processes/process_files.hpp"

#include "linux/processes.hpp"
#include "processes/process_reader.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

namespace socktally {

namespace {

std::string_view next_argument(std::string_view& arguments)
{
    const auto end = arguments.find('\0');
    const std::string_view argument = arguments.substr(0, end);
    arguments.remove_prefix(end == arguments.npos ? arguments.size() : end + 1);
    return argument;
}

/// Returns whether `path` ends in init.scope or in a socket unit, where systemd itself opens sockets for services.
/// `path` is the name of a unit, or the path of a cgroup.
bool is_of_systemd(std::string_view path)
{
    const std::string_view last = path.substr(path.rfind('/') + 1); // npos + 1 is 0
    return last == "init.scope" || last.ends_with(".socket");
}

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

std::optional<ProxiedPort> parse_docker_proxy(std::string_view arguments)
{
    next_argument(arguments); // the program
    std::map<std::string_view, std::string_view> values;
    while (!arguments.empty()) {
        const std::string_view name = next_argument(arguments);
        if (name.starts_with('-') && !arguments.starts_with('-')) { // else `name` is a flag without a value
            values.try_emplace(name, next_argument(arguments));
        }
    }
    const std::string_view protocol = values["-proto"];
    const auto host = parse_address(values["-host-ip"]);
    const auto host_port = parse_port(values["-host-port"]);
    const auto container = parse_address(values["-container-ip"]);
    const auto port = parse_port(values["-container-port"]);
    const bool is_known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
    if (!is_known || !host || !host_port || !container || !port) {
        return std::nullopt;
    }
    return ProxiedPort{{{*host, *host_port}, *port, std::string(protocol)}, *container};
}

std::optional<std::string> parse_process_arguments(std::string_view value)
{
    std::int32_t count = 0;
    if (value.size() < sizeof count) {
        return std::nullopt;
    }
    std::memcpy(&count, value.data(), sizeof count);
    value.remove_prefix(sizeof count);
    next_argument(value); // the path of the executable
    value.remove_prefix(std::min(value.find_first_not_of('\0'), value.size()));
    std::string command;
    for (; count > 0 && !value.empty(); --count) {
        command += next_argument(value);
        command += ' ';
    }
    if (!command.empty()) {
        command.pop_back();
    }
    return command.empty() ? std::nullopt : std::optional(std::move(command));
}

Identity identity_in(const CgroupPlace& place)
{
    constexpr std::size_t short_length = 12; // container engines print this many digits of an id
    Identity identity;
    identity.cgroup = place.path;
    identity.unit = place.unit;
    identity.container_id = place.container_id;
    identity.container =
        place.container_id ? std::optional(place.container_id->substr(0, short_length)) : place.machine;
    identity.pod = place.pod_uid;
    identity.pod_uid = place.pod_uid;
    return identity;
}

std::optional<Identity> identity_of_socket_in(const CgroupPlace& place)
{
    Identity identity = identity_in(place);
    const bool is_unit_of_systemd = identity.unit && is_of_systemd(*identity.unit);
    if (is_unit_of_systemd) {
        identity.unit.reset();
    }
    if (is_unit_of_systemd || is_of_systemd(place.path) || place.path == "/") {
        identity.cgroup.reset();
    }
    return identity == Identity{} ? std::nullopt : std::optional(std::move(identity));
}

std::optional<Process> read_process(int proc, Pid pid)
{
    std::string buffer;
    const auto stat = read_process_stat(proc, pid.value, buffer);
    if (!stat) {
        return std::nullopt;
    }
    Process process;
    process.pid = pid;
    process.start_time = StartTime{stat->start_ticks};
    process.name = stat->name;
    return process;
}

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

/// Reads the files of a process into `known`. If the process has ended, keeps the facts that were read before. But
/// drops the command and the executable if the process has become another program since.
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
    const auto pids = list_processes(proc);
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
