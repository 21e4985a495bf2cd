// SPDX-License-Identifier: MIT
// Reads the files of /proc/PID that identify a process while it lives: only those needed, each at most once. Remembers
// them from window to window.
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

/// Returns what a cgroup path tells; names of containers are not looked up.
Identity identity_in(const CgroupPlace& place);

/// Returns what the cgroup of a socket tells about the process that uses the socket. Returns null for the root, which
/// has everything without a cgroup of its own, and for cgroups of systemd (init.scope, *.socket), which opens sockets
/// before the service starts.
std::optional<Identity> identity_of_socket_in(const CgroupPlace& place);

/// Returns the port that a docker-proxy forwards. Docker starts one for each published port, for the traffic that the
/// kernel's NAT does not forward. `arguments` are those in /proc/PID/cmdline, each with a NUL after it: `docker-proxy
/// -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80`. Returns null if an
/// argument is missing or invalid.
std::optional<ProxiedPort> parse_docker_proxy(std::string_view arguments);

/// Remembers the identities of processes from window to window, so that they are still known in the window in which a
/// process ends. Reads each process at most once a window, unless it becomes another program. Entries are kept while
/// the process lives, and for a while afterwards.
class KnownProcesses {
public:
    void begin_window() { ++window_; }

    /// Fills `process.identity`, and `process.netns` if the backend did not set it: from /proc, or if the process has
    /// ended, from memory. Returns false if something needed is unknown because the process has ended.
    bool fill(int proc, const IdentityNeeds& needs, Process& process);

    std::size_t size() const { return known_.size(); }

private:
    struct Known {
        Process process;          // as it was when it was read
        std::uint64_t window = 0; // the window in which it was read, or found to have ended
        bool is_whole = false;
    };
    using Key = std::pair<Pid, StartTime>;

    void read(int proc, const IdentityNeeds& needs, const Process& process, Known& known) const;
    void forget_ended(int proc);

    std::map<Key, Known> known_;
    std::size_t most_ = 1024; // number of entries at which ended processes are removed
    std::uint64_t window_ = 0;
};

} // namespace socktally
