// SPDX-License-Identifier: MIT
#include "commands/grants.hpp"

#include "sys/capability.hpp"

#include <fmt/format.h>

#include <array>

namespace socktally {

namespace {

constexpr std::string_view program = "\"$(command -v socktally)\"";

struct Exposure {
    std::string_view capability;
    std::string_view what;
};

/// What is used of it, and what a fault in this program would give away with it.
constexpr std::array exposures{
    Exposure{"cap_bpf", "with cap_perfmon: load programs into the kernel; used to count, could read all of its memory"},
    Exposure{"cap_perfmon", "see cap_bpf: let these programs read memory of the kernel, and trace all processes"},
    Exposure{"cap_net_admin", "used for a larger receive buffer and to count packets by control group; could change "
                              "addresses, routes and firewall"},
    Exposure{"cap_net_raw", "used to capture the headers of packets; could read and forge whole packets"},
    Exposure{"cap_dac_read_search", "used to list the descriptors of others' processes; could read every file"},
    Exposure{"cap_sys_ptrace", "used to read which sockets these are; could read and change every process"},
};

} // namespace

std::vector<GrantLine> grant_lines(const BackendEntry& backend)
{
    // A change of group clears capabilities, so they come last; and nobody is to have them before the mode is right.
    std::vector<GrantLine> lines{
        {"grant", "a group; put into it whoever may run the program: usermod -aG socktally NAME",
         "groupadd --system socktally"},
        {"grant", "the program is this group's", fmt::format("chgrp socktally {}", program)},
        {"grant", "nobody else runs it", fmt::format("chmod 0750 {}", program)},
        {"grant", "it has what this backend can use; replaces what it had before",
         fmt::format("setcap {}=ep {}", backend.capabilities, program)},
        {"revoke", "it has no capabilities", fmt::format("setcap -r {}", program)},
        {"revoke", "it is root's again", fmt::format("chgrp root {}", program)},
        {"revoke", "everybody runs it", fmt::format("chmod 0755 {}", program)},
        {"revoke", "the group is no more", "groupdel socktally"},
        {"exposes", "to the members of the group: the connections of all users, and who holds them", ""},
    };
    for (const auto& [capability, what] : exposures) {
        if (backend.capabilities.find(capability) != std::string_view::npos) {
            lines.push_back(GrantLine{"exposes", fmt::format("{}: {}", capability, what), ""});
        }
    }
    return lines;
}

std::string fitting_remedy(std::string remedy)
{
    const std::string_view obstacle = remedy == setcap_remedy ? file_capabilities_obstacle() : "";
    return obstacle.empty() ? std::move(remedy) : std::string(obstacle);
}

} // namespace socktally
