// SPDX-License-Identifier: MIT
// The table of backends, best first, and the choice of one.
#include "commands/backends.hpp"

#include "commands/commands.hpp"
#include "linux/privileges.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace socktally {

namespace {

constexpr std::array backend_table{
    BackendEntry{"ebpf", "counts with BPF programs in the socket layer", open_ebpf, "cap_bpf,cap_perfmon,cap_net_admin",
                 40},
    BackendEntry{"netlink", "counts with sock_diag: lists of sockets, and events when sockets close", open_netlink,
                 "cap_net_admin,cap_net_raw,cap_dac_read_search,cap_sys_ptrace", 32},
    BackendEntry{"packet", "counts packets on the network interfaces", open_packet,
                 "cap_net_raw,cap_dac_read_search,cap_sys_ptrace", 24},
    BackendEntry{"procfs", "lists sockets from /proc/net; cannot count bytes", open_procfs,
                 "cap_dac_read_search,cap_sys_ptrace", 16},
};

constexpr std::string_view program = "\"$(command -v socktally)\"";

struct Exposure {
    std::string_view capability;
    std::string_view what;
    std::string_view backend{}; // the backend that uses the capability in this way; empty: all backends that have it
};

/// How each capability is used, and what an attacker could do with it through a bug in this program.
constexpr std::array exposures{
    Exposure{"cap_bpf",
             "with cap_perfmon, loads the programs that count; through a bug, members could read all kernel memory"},
    Exposure{"cap_perfmon",
             "with cap_bpf, lets these programs read kernel memory; through a bug, members could trace all processes"},
    Exposure{"cap_net_admin",
             "counts packets and sees the peers of UDP sockets; through a bug, members could change addresses, routes "
             "and the "
             "firewall",
             "ebpf"},
    Exposure{"cap_net_admin",
             "enlarges the buffer for events of closed sockets; through a bug, members could change addresses, routes "
             "and the "
             "firewall",
             "netlink"},
    Exposure{"cap_net_raw", "captures packet headers; through a bug, members could read and forge whole packets"},
    Exposure{"cap_dac_read_search",
             "lists the descriptors of all processes; through a bug, members could read every file"},
    Exposure{"cap_sys_ptrace", "finds out which sockets these descriptors refer to; through a bug, members could read "
                               "and change every process"},
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
        return Unavailable{fmt::format("the limit of open files is too low: {} more are needed", entry.files),
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
        OpenResult result = open_backend(entry, options);
        if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&result)) {
            choice.backend = std::move(*backend);
            choice.name = entry.name;
            return choice;
        }
        auto& refusal = std::get<Unavailable>(result);
        refusal.remedy = fitting_remedy(refusal.remedy);
        choice.declined.push_back({entry.name, std::move(refusal)});
    }
    const Declined& last = choice.declined.back();
    if (wanted != "auto") {
        throw BackendUnavailable(fmt::format("the {} backend is unavailable: {}", last.name, last.reason.why),
                                 last.reason.remedy);
    }
    throw BackendUnavailable(fmt::format("no backend works here; {}: {}", last.name, last.reason.why),
                             last.reason.remedy);
}

Note declined_note(const Declined& declined)
{
    return {NoteCode::backend_declined,
            fmt::format("the {} backend, which sees more, is unavailable: {}", declined.name, declined.reason.why),
            declined.reason.remedy};
}

std::vector<GrantLine> grant_lines(const BackendEntry& backend)
{
    // chgrp(1) clears capabilities, so setcap(8) comes last. By then, the file mode lets only root and the group run
    // the program.
    std::vector<GrantLine> lines{
        {"grant", "create a group; add users with usermod -aG socktally NAME", "groupadd --system socktally"},
        {"grant", "give the program to the group", fmt::format("chgrp socktally {}", program)},
        {"grant", "let only the group run it", fmt::format("chmod 0750 {}", program)},
        {"grant", "grant the capabilities that this backend uses, in place of earlier ones",
         setcap_line(backend.capabilities)},
        {"revoke", "remove the capabilities", fmt::format("setcap -r {}", program)},
        {"revoke", "give the program back to root", fmt::format("chgrp root {}", program)},
        {"revoke", "let everyone run it", fmt::format("chmod 0755 {}", program)},
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
