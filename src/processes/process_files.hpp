// SPDX-License-Identifier: MIT
// Reads the files of /proc/PID that identify a process, before the process ends. Reads only files that are needed, and
// remembers their contents from window to window.
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
#include <string_view>
#include <utility>

namespace socktally {

/// Reads the name and start time of a process. Returns null if the process has gone.
std::optional<Process> read_process(int proc, Pid pid);

/// Returns the facts that follow from a cgroup path. Does not look up names of containers.
Identity identity_in(const CgroupPlace& place);

/// Returns the facts that the cgroup of a socket tells about the process that uses the socket. Leaves out the root
/// cgroup, which has all processes without a cgroup of their own. Leaves out cgroups of systemd (init.scope, *.socket),
/// because systemd opens sockets for services that start later. Returns null if no fact is left.
std::optional<Identity> identity_of_socket_in(const CgroupPlace& place);

/// Returns the port that a docker-proxy process forwards; null if an argument is missing or invalid. Docker starts such
/// a process for each published port, for traffic that the NAT of the kernel does not forward. `arguments` is the text
/// of /proc/PID/cmdline, with a NUL after each argument:
/// `docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80`.
std::optional<ProxiedPort> parse_docker_proxy(std::string_view arguments);

/// Returns the arguments of a process, separated by blanks. `value` is what macOS returns for KERN_PROCARGS2: the
/// number of arguments as an int, the path of the executable, NULs, then the arguments and the environment, each with a
/// NUL at its end. Returns null if there are no arguments.
std::optional<std::string> parse_process_arguments(std::string_view value);

/// Remembers the identities of processes from window to window. So a process is known even in the window in which it
/// ends. Reads each process at most once in a window, or again if it has become another program. Keeps the identity of
/// a process while the process lives, and for a while after its end.
class KnownProcesses {
public:
    void begin_window() { ++window_; }

    /// Sets `process.identity`, and `process.netns` if the backend did not set it. Reads both from /proc. If the
    /// process has ended, takes what an earlier call has read. Returns false if a needed fact is unknown because the
    /// process has ended.
    bool fill(int proc, const IdentityNeeds& needs, Process& process);

    std::size_t size() const { return known_.size(); }

private:
    struct Known {
        Process process;          // the process as it was when it was last read
        std::uint64_t window = 0; // the last window that has read it or found it to have ended
        bool is_whole = false;
    };
    using Key = std::pair<Pid, StartTime>;

    void read(int proc, const IdentityNeeds& needs, const Process& process, Known& known) const;
    void forget_ended(int proc);

    std::map<Key, Known> known_;
    std::size_t most_ = 1024; // size of known_ at which fill() removes ended processes
    std::uint64_t window_ = 0;
};

} // namespace socktally
