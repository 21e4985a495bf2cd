// SPDX-License-Identifier: MIT
// Facts about processes from libproc. It tells an ordinary user nothing of other users' processes; sysctl(3) does, but
// knows only the first 16 bytes of a name.
#include "linux/processes.hpp"

#include "darwin/sysctl.hpp"
#include "linux/clocks.hpp"

#include <libproc.h>
#include <sys/proc.h>
#include <sys/proc_info.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace socktally {

namespace {

struct Facts {
    timeval start{};
    std::string name;
    std::uint32_t parent = 0;
    uid_t user = 0;
    bool is_zombie = false;
};

template <std::size_t size>
std::string text_of(const char (&text)[size])
{
    return std::string(text, ::strnlen(text, size));
}

std::optional<Facts> ask_libproc(std::int32_t pid)
{
    proc_bsdinfo info{};
    if (::proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, sizeof info) != static_cast<int>(sizeof info)) {
        return std::nullopt;
    }
    Facts facts;
    facts.start.tv_sec = static_cast<time_t>(info.pbi_start_tvsec);
    facts.start.tv_usec = static_cast<suseconds_t>(info.pbi_start_tvusec);
    facts.name = info.pbi_name[0] != '\0' ? text_of(info.pbi_name) : text_of(info.pbi_comm);
    facts.parent = info.pbi_ppid;
    facts.user = info.pbi_uid;
    facts.is_zombie = info.pbi_status == SZOMB;
    return facts;
}

std::optional<Facts> ask_sysctl(std::int32_t pid)
{
    std::array<int, 4> name{CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
    const std::string value = read_sysctl(name);
    kinfo_proc info{};
    if (value.size() < sizeof info) {
        return std::nullopt;
    }
    std::memcpy(&info, value.data(), sizeof info);
    Facts facts;
    facts.start = info.kp_proc.p_un.__p_starttime;
    facts.name = text_of(info.kp_proc.p_comm);
    facts.parent = static_cast<std::uint32_t>(info.kp_eproc.e_ppid);
    facts.user = info.kp_eproc.e_ucred.cr_uid;
    facts.is_zombie = info.kp_proc.p_stat == SZOMB;
    return facts;
}

std::optional<Facts> facts_of(std::int32_t pid)
{
    auto facts = ask_libproc(pid);
    return facts ? facts : ask_sysctl(pid);
}

} // namespace

Fd open_processes(const std::string&) { return Fd(); }

void require_own_processes() {}

std::vector<std::int32_t> list_processes(int)
{
    const int count = ::proc_listallpids(nullptr, 0);
    std::vector<std::int32_t> pids(static_cast<std::size_t>(std::max(count, 0)) * 2); // more may have been started
    const int size = static_cast<int>(pids.size() * sizeof pids[0]);
    pids.resize(static_cast<std::size_t>(std::max(::proc_listallpids(pids.data(), size), 0)));
    std::erase(pids, 0); // the kernel
    return pids;
}

std::optional<ProcStat> read_process_stat(int, std::int32_t pid, std::string& buffer)
{
    const auto facts = facts_of(pid);
    if (!facts) {
        return std::nullopt;
    }
    buffer = facts->name;
    ProcStat stat;
    stat.name = buffer;
    stat.parent = facts->parent;
    stat.is_exiting = facts->is_zombie;
    stat.threads = 1;
    const auto start = static_cast<std::uint64_t>(since_boot(facts->start).count());
    stat.start_ticks = start_ticks_of(start, boot_clock_shift());
    return stat;
}

std::optional<uid_t> user_of_process(int, std::int32_t pid)
{
    const auto facts = facts_of(pid);
    return facts ? std::optional(facts->user) : std::nullopt;
}

bool is_in_other_netns(int, std::int32_t) { return false; }

} // namespace socktally
