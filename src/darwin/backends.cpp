// SPDX-License-Identifier: MIT
// The table of backends on macOS, best first. macOS has no capabilities: whoever shall see all processes must be root.
#include "commands/backends.hpp"
#include "linux/processes.hpp"
#include "processes/process_files.hpp"
#include "traffic/netstat/netstat_backend.hpp"
#include "traffic/ntstat/ntstat_backend.hpp"
#include "util/number.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/kern_control.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace socktally {

namespace {

/// Returns the major version of the kernel, Darwin. macOS 14 has 23, macOS 15 has 24.
unsigned darwin_version()
{
    utsname names{};
    const std::string_view release = ::uname(&names) == 0 ? names.release : "";
    return static_cast<unsigned>(parse_number(release.substr(0, release.find('.'))).value_or(0));
}

std::optional<Process> look_up(Pid pid)
{
    constexpr int no_directory = -1;
    auto process = read_process(no_directory, pid);
    const auto user = user_of_process(no_directory, pid.value);
    if (process && user) {
        process->uid = Uid{*user};
    }
    return process;
}

OpenResult open_netstat_of_system(const BackendOptions& options)
{
    NetstatSystem system;
    system.darwin = darwin_version();
    system.viewer = Uid{::geteuid()};
    system.look_up = look_up;
    return open_netstat(options, std::move(system));
}

/// Connects to the kernel control that nettop(1) uses. Returns no descriptor, with errno set, if that fails.
Fd connect_to_statistics()
{
    // sys/sys_domain.h, which not every SDK has
    constexpr int control_protocol = 2; // SYSPROTO_CONTROL
    constexpr int control_address = 2;  // AF_SYS_CONTROL
    constexpr std::string_view name = "com.apple.network.statistics";
    Fd control(::socket(PF_SYSTEM, SOCK_DGRAM, control_protocol));
    ctl_info information{};
    static_assert(name.size() < sizeof information.ctl_name);
    name.copy(information.ctl_name, name.size());
    if (!control || ::ioctl(control.get(), CTLIOCGINFO, &information) != 0) {
        return Fd();
    }
    sockaddr_ctl address{};
    address.sc_len = sizeof address;
    address.sc_family = AF_SYSTEM;
    address.ss_sysaddr = control_address;
    address.sc_id = information.ctl_id;
    ::fcntl(control.get(), F_SETFD, FD_CLOEXEC);
    const bool is_connected =
        ::connect(control.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    return is_connected ? std::move(control) : Fd();
}

OpenResult open_ntstat_of_system(const BackendOptions& options)
{
    NtstatSystem system;
    system.control = connect_to_statistics();
    if (!system.control) {
        return Unavailable{fmt::format("cannot connect to the kernel's network statistics: {}",
                                       std::generic_category().message(errno)),
                           "run with sudo"};
    }
    system.viewer = Uid{::geteuid()};
    system.look_up = look_up;
    return open_ntstat(options, std::move(system));
}

OpenResult refuse_list(const BackendOptions&)
{
    return Unavailable{"socktally ports cannot list sockets on macOS yet", "netstat -anv, or lsof -i -n -P"};
}

constexpr std::array backend_table{
    BackendEntry{"ntstat", "counts with the kernel's network statistics, as nettop does; experimental",
                 open_ntstat_of_system, "", 16},
    BackendEntry{"netstat", "counts with netstat, at both ends of the window", open_netstat_of_system, "", 16},
};

OpenResult refuse_lookups(const BackendOptions&)
{
    return Unavailable{"socktally dns cannot capture packets on macOS yet", "tcpdump -n port 53"};
}

constexpr std::array lookup_table{
    BackendEntry{"packet", "reads DNS packets on the network interfaces", refuse_lookups, "", 16},
};

constexpr std::array list_table{
    BackendEntry{"netstat", "lists sockets with netstat and lsof", refuse_list, "", 16},
};

} // namespace

std::span<const BackendEntry> backends() { return backend_table; }

std::span<const BackendEntry> socket_lists() { return list_table; }

std::span<const BackendEntry> lookup_readers() { return lookup_table; }

std::vector<GrantLine> grant_lines(const BackendEntry&) { return {}; }

std::string fitting_remedy(const std::string& remedy) { return remedy == privilege_remedy ? "run with sudo" : remedy; }

std::string command_remedy(const std::string& remedy, std::string_view) { return fitting_remedy(remedy); }

} // namespace socktally
