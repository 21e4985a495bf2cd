// SPDX-License-Identifier: MIT
// Finds the processes that hold the sockets in netstat's lists, at both ends of a window.
//
// lsof prints who holds a socket of which tuple. Without root it shows only processes of the same user. netstat prints
// for each socket the process that used it last, of all users. That process may have closed the socket or have ended
// since, and its pid may be that of another process now. So netstat is believed only where lsof cannot see, or if lsof
// says the same. If several sockets have one tuple, lsof cannot tell them apart, and only netstat's process is taken.
#pragma once

#include "traffic/faults.hpp"
#include "traffic/netstat/lsof.hpp"
#include "traffic/netstat/netstat_backend.hpp"
#include "traffic/netstat/socket_rows.hpp"

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace socktally {

class SocketHolders {
public:
    explicit SocketHolders(const NetstatSystem& system) : system_(system) {}

    /// The holders that find() found last are now those at the start of the window.
    void next_list();
    /// Runs lsof, and finds the holders of the sockets in `rows`. The rows must be numbered.
    void find(const std::vector<const NetstatRow*>& rows, const IdentifyProcess& identify, Faults& faults);
    /// Sets the processes and holders of the sample: those of the last list, and those of the first list for sockets
    /// that are still in a flow.
    void add_to(Sample& sample) const;
    /// Returns whether lsof showed a holder of the socket, at one end of the window.
    bool is_confirmed(Inode socket) const
    {
        return first_.confirmed.contains(socket) || last_.confirmed.contains(socket);
    }
    /// Returns whether the kernel uses the socket, and no process holds it.
    bool is_of_kernel(Inode socket) const { return last_.of_kernel.contains(socket); }

private:
    struct Found {
        std::vector<std::pair<Inode, Process>> holders;
        std::set<Inode> confirmed; // sockets for which lsof shows a holder
        std::set<Inode> of_kernel;
    };
    using Pids = std::set<Pid>;

    std::optional<std::vector<LsofProcess>> run_lsof(Faults& faults) const;
    const std::optional<Process>& look_up(Pid pid, std::string_view name, const IdentifyProcess& identify);
    bool is_in_sight(const Process& process) const { return system_.viewer == Uid{} || process.uid == system_.viewer; }

    const NetstatSystem& system_;
    std::map<Pid, std::optional<Process>> processes_{}; // that were looked up for the last list
    Found first_{};
    Found last_{};
};

} // namespace socktally
