// SPDX-License-Identifier: MIT
// Reads the files of /proc/PID that say who a process is, while it lives: each at most once, and only those needed.
// Keeps what it read from window to window.
#pragma once

#include "model/flow.hpp"
#include "model/identity.hpp"
#include "processes/cgroup.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace socktally {

/// Reads the name and start time of a process; null if it is gone.
std::optional<Process> read_process(int proc, Pid pid);

/// Returns what the path of a cgroup says, without the names of containers.
Identity identity_in(const CgroupPlace& place);

/// Returns what the cgroup of a socket says about the process that uses it. Null if it says nothing: the root has
/// everything without a cgroup of its own, and systemd (init.scope, *.socket) opens sockets for services that have not
/// started yet.
std::optional<Identity> identity_of_socket_in(const CgroupPlace& place);

/// Returns the port that a docker-proxy passes on: Docker starts one for each published port, to pass on what the
/// kernel's NAT does not. `arguments` are as in /proc/PID/cmdline, with a NUL after each: `docker-proxy -proto tcp
/// -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80`. Null if one of these is missing or
/// makes no sense.
std::optional<ProxiedPort> parse_docker_proxy(std::string_view arguments);

/// Keeps what was read of processes from window to window, so that it is still known in the window in which a process
/// ends. Each process is read at most once a window, unless it has become another program. Entries are kept as long as
/// the process lives, and a while longer.
class KnownProcesses {
public:
    void begin_window() { ++window_; }

    /// Fills `process.identity`, and `process.netns` if the backend did not see it: from the files of /proc, or, if the
    /// process has ended, from what was read before. Returns false if something that is needed is not known
    /// because the process ended too early.
    bool fill(int proc, const IdentityNeeds& needs, Process& process);

    std::size_t size() const { return known_.size(); }

private:
    struct Known {
        Process process;          // as it was when it was read
        std::uint64_t window = 0; // in which it was read, or found to have ended
        bool is_whole = false;
    };
    using Key = std::pair<Pid, StartTime>;

    void read(int proc, const IdentityNeeds& needs, const Process& process, Known& known) const;
    void forget_ended(int proc);

    std::map<Key, Known> known_;
    std::size_t most_ = 1024; // entries; then ended processes are removed
    std::uint64_t window_ = 0;
};

} // namespace socktally
