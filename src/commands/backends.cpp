// SPDX-License-Identifier: MIT
// The table of backends, best first, and the choice of one.
#include "commands/backends.hpp"

#include "commands/commands.hpp"
#include "linux/privileges.hpp"
#include "traffic/ebpf/ebpf_backend.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace socktally {

namespace {

constexpr std::array backend_table{
    BackendEntry{"ebpf", "BPF programs in the socket layer", open_ebpf, "cap_bpf,cap_perfmon,cap_net_admin", 40},
    BackendEntry{"netlink", "sock_diag dumps and destroy events", open_netlink,
                 "cap_net_admin,cap_net_raw,cap_dac_read_search,cap_sys_ptrace", 32},
    BackendEntry{"packet", "packets on the network interfaces", open_packet,
                 "cap_net_raw,cap_dac_read_search,cap_sys_ptrace", 24},
    BackendEntry{"procfs", "the lists of sockets in /proc/net, which know no bytes", open_procfs,
                 "cap_dac_read_search,cap_sys_ptrace", 16},
};

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

std::span<const BackendEntry> backends() { return backend_table; }

void require_known_backend(const std::string& wanted, std::span<const BackendEntry> table)
{
    std::vector<std::string_view> names{"auto"};
    std::transform(table.begin(), table.end(), std::back_inserter(names),
                   [](const BackendEntry& entry) { return entry.name; });
    if (std::find(names.begin(), names.end(), wanted) == names.end()) {
        throw UsageError(fmt::format("unknown backend {}: {}", quote(wanted), suggest(wanted, names)));
    }
}

OpenResult open_backend(const BackendEntry& entry, const BackendOptions& options)
{
    if (!has_room_for_files(entry.files)) {
        return Unavailable{fmt::format("there is no room for the {} files that it opens: {}", entry.files,
                                       std::generic_category().message(EMFILE)),
                           "ulimit -n 1024"};
    }
    return entry.open(options);
}

Choice choose_backend(const std::string& wanted, const BackendOptions& options, std::span<const BackendEntry> table)
{
    require_known_backend(wanted, table);
    Choice choice;
    for (const BackendEntry& entry : table) {
        if (wanted != "auto" && wanted != entry.name) {
            continue;
        }
        choice.capabilities = wanted == "auto" ? "" : entry.capabilities;
        OpenResult result = open_backend(entry, options);
        if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&result)) {
            choice.backend = std::move(*backend);
            choice.name = entry.name;
            return choice;
        }
        auto& refusal = std::get<Unavailable>(result);
        refusal.remedy = fitting_remedy(std::move(refusal.remedy), choice.capabilities);
        choice.declined.push_back({entry.name, std::move(refusal)});
    }
    const Declined& last = choice.declined.back();
    if (wanted != "auto") {
        throw BackendUnavailable(fmt::format("the {} backend cannot work here: {}", last.name, last.reason.why),
                                 last.reason.remedy);
    }
    throw BackendUnavailable(fmt::format("no backend can work here; {}: {}", last.name, last.reason.why),
                             last.reason.remedy);
}

Note declined_note(const Declined& declined)
{
    return {NoteCode::backend_declined,
            fmt::format("the {} backend, which sees more, cannot work here: {}", declined.name, declined.reason.why),
            declined.reason.remedy};
}

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
