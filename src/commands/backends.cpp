// SPDX-License-Identifier: MIT
// The table of backends on Linux, best first, and the capabilities that they use. darwin/backends.cpp has that of
// macOS.
#include "commands/backends.hpp"

#include "linux/privileges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace socktally {

namespace {

constexpr std::array backend_table{
    BackendEntry{"ebpf", "counts with BPF programs in the socket layer", open_ebpf, "cap_bpf,cap_perfmon,cap_net_admin",
                 40},
    BackendEntry{"netlink", "counts with sock_diag: lists sockets, and gets an event when one closes", open_netlink,
                 "cap_net_admin,cap_net_raw,cap_dac_read_search,cap_sys_ptrace", 32},
    BackendEntry{"packet", "counts packets on the network interfaces", open_packet,
                 "cap_net_raw,cap_dac_read_search,cap_sys_ptrace", 24},
    BackendEntry{"procfs", "lists sockets from /proc/net; cannot count bytes", open_procfs,
                 "cap_dac_read_search,cap_sys_ptrace", 16},
};

constexpr std::string_view this_program = "\"$(command -v socktally)\"";

struct Exposure {
    std::string_view capability;
    std::string_view what;
    std::string_view backend{}; // the backend that uses the capability in this way; empty: all backends that have it
};

/// How each capability is used, and what an attacker could do with it through a bug in this program.
constexpr std::array exposures{
    Exposure{
        "cap_bpf",
        "with cap_perfmon, loads the programs that count; a bug in socktally could let members read all kernel memory"},
    Exposure{"cap_perfmon", "with cap_bpf, lets these programs read kernel memory; a bug in socktally could let "
                            "members trace all processes"},
    Exposure{"cap_net_admin",
             "counts packets and sees the peers of UDP sockets; a bug in socktally could let members change "
             "addresses, routes and the firewall",
             "ebpf"},
    Exposure{"cap_net_admin",
             "enlarges the buffer for events of closed sockets; a bug in socktally could let members change "
             "addresses, routes and the firewall",
             "netlink"},
    Exposure{"cap_net_raw",
             "captures packet headers; a bug in socktally could let members read and forge whole packets"},
    Exposure{"cap_dac_read_search",
             "lists the descriptors of all processes; a bug in socktally could let members read every file"},
    Exposure{"cap_sys_ptrace",
             "finds out which sockets these descriptors refer to; a bug in socktally could let members read "
             "and change every process"},
};

std::string setcap_line(std::string_view capabilities)
{
    return fmt::format("setcap {}=ep {}", capabilities, this_program);
}

} // namespace

std::span<const BackendEntry> backends() { return backend_table; }

std::vector<GrantLine> grant_lines(const BackendEntry& backend)
{
    // chgrp(1) clears capabilities, so setcap(8) comes last. By then, the file mode lets only root and the group run
    // the program.
    std::vector<GrantLine> lines{
        {"grant", "create a group (add users later: usermod -aG socktally NAME)", "groupadd --system socktally"},
        {"grant", "give the program to the group", fmt::format("chgrp socktally {}", this_program)},
        {"grant", "let only the group run it", fmt::format("chmod 0750 {}", this_program)},
        {"grant", "grant the capabilities of this backend; this replaces those granted before",
         setcap_line(backend.capabilities)},
        {"revoke", "remove the capabilities", fmt::format("setcap -r {}", this_program)},
        {"revoke", "give the program back to root", fmt::format("chgrp root {}", this_program)},
        {"revoke", "let everyone run it", fmt::format("chmod 0755 {}", this_program)},
        {"revoke", "delete the group", "groupdel socktally"},
        {"exposes", "members of the group see the connections of all users and their processes", ""},
    };
    for (const auto& [capability, what, user] : exposures) {
        const bool is_used = user.empty() || user == backend.name;
        if (is_used && backend.capabilities.find(capability) != std::string_view::npos) {
            lines.push_back(GrantLine{"exposes", fmt::format("{}: {}", capability, what), ""});
        }
    }
    return lines;
}

std::string fitting_remedy(const std::string& remedy)
{
    const std::string_view obstacle = remedy == privilege_remedy ? file_capabilities_obstacle() : "";
    return obstacle.empty() ? remedy : std::string(obstacle);
}

std::string command_remedy(const std::string& remedy, std::string_view capabilities)
{
    const std::string fitting = fitting_remedy(remedy);
    const auto hint = fitting.find("see socktally doctor"); // doctor itself needs no such hint
    return fitting == privilege_remedy ? setcap_line(capabilities)
           : hint == fitting.npos      ? fitting
                                       : fitting.substr(0, hint - std::min(hint, std::string_view(" (").size()));
}

} // namespace socktally
