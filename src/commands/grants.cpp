// SPDX-License-Identifier: MIT
#include "commands/grants.hpp"

#include "linux/privileges.hpp"

#include <fmt/format.h>

#include <array>

namespace socktally {

namespace {

constexpr std::string_view program = "\"$(command -v socktally)\"";

struct Exposure {
    std::string_view capability;
    std::string_view what;
    std::string_view backend{}; // the one that makes this use of it; empty: all that have it
};

/// What is used of it, and what a fault in this program would give away with it.
constexpr std::array exposures{
    Exposure{"cap_bpf", "with cap_perfmon: load programs into the kernel; used to count, could read all of its memory"},
    Exposure{"cap_perfmon", "see cap_bpf: let these programs read memory of the kernel, and trace all processes"},
    Exposure{"cap_net_admin",
             "used to count packets and to see where datagrams go; could change addresses, routes and firewall",
             "ebpf"},
    Exposure{"cap_net_admin",
             "used for more room for announcements of closed sockets, which come without it; could change addresses, "
             "routes and firewall",
             "netlink"},
    Exposure{"cap_net_raw", "used to capture the headers of packets; could read and forge whole packets"},
    Exposure{"cap_dac_read_search", "used to list the descriptors of others' processes; could read every file"},
    Exposure{"cap_sys_ptrace", "used to read which sockets these are; could read and change every process"},
};

std::string setcap_line(std::string_view capabilities) { return fmt::format("setcap {}=ep {}", capabilities, program); }

} // namespace

std::vector<GrantLine> grant_lines(const BackendEntry& backend)
{
    // A change of group clears capabilities, so they come last; and nobody is to have them before the mode is right.
    std::vector<GrantLine> lines{
        {"grant", "a group; put into it whoever may run the program: usermod -aG socktally NAME",
         "groupadd --system socktally"},
        {"grant", "the program is this group's", fmt::format("chgrp socktally {}", program)},
        {"grant", "nobody else runs it", fmt::format("chmod 0750 {}", program)},
        {"grant", "it has what this backend can use; replaces what it had before", setcap_line(backend.capabilities)},
        {"revoke", "it has no capabilities", fmt::format("setcap -r {}", program)},
        {"revoke", "it is root's again", fmt::format("chgrp root {}", program)},
        {"revoke", "everybody runs it", fmt::format("chmod 0755 {}", program)},
        {"revoke", "the group is no more", "groupdel socktally"},
        {"exposes", "to the members of the group: the connections of all users, and who holds them", ""},
    };
    for (const auto& [capability, what, user] : exposures) {
        const bool is_used = user.empty() || user == backend.name;
        if (is_used && backend.capabilities.find(capability) != std::string_view::npos) {
            lines.push_back(GrantLine{"exposes", fmt::format("{}: {}", capability, what), ""});
        }
    }
    return lines;
}

std::string fitting_remedy(std::string remedy, std::string_view capabilities)
{
    if (remedy != setcap_remedy) {
        return remedy;
    }
    if (const std::string_view obstacle = file_capabilities_obstacle(); !obstacle.empty()) {
        return std::string(obstacle);
    }
    return capabilities.empty() ? remedy : setcap_line(capabilities);
}

} // namespace socktally
