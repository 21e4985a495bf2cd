// SPDX-License-Identifier: MIT
#include "owners/unlisted_sockets.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace socktally {

namespace {

std::optional<std::uint64_t> inode_of(const Fd& fd)
{
    struct stat its {};
    return fd && ::fstat(fd.get(), &its) == 0 ? std::optional(its.st_ino) : std::nullopt;
}

/// Returns the cookie of the network namespace of a socket (Linux 5.14); null if the kernel has none. Reading it needs
/// no privilege.
std::optional<std::uint64_t> netns_cookie(const Fd& socket)
{
    constexpr int so_netns_cookie = 71;
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    const bool is_told = ::getsockopt(socket.get(), SOL_SOCKET, so_netns_cookie, &cookie, &size) == 0;
    return is_told ? std::optional(cookie) : std::nullopt;
}

/// The kernel's names of the protocols of IP and packet sockets. PACKET must be last.
constexpr std::array<std::string_view, 17> protocol_names{"TCP",      "TCPv6",     "UDP",  "UDPv6",  "MPTCP", "MPTCPv6",
                                                          "UDP-Lite", "UDPLITEv6", "RAW",  "RAWv6",  "PING",  "PINGv6",
                                                          "SCTP",     "SCTPv6",    "DCCP", "DCCPv6", "PACKET"};

/// Returns whether a list of the kernel may show the socket. Returns false only if the kernel names a protocol of
/// another kind, such as that of AF_UNIX.
bool may_be_listed(const std::string& path, UnlistedSockets::Kinds kinds)
{
    const std::span names(protocol_names);
    const auto wanted = kinds == UnlistedSockets::Kinds::all ? names : names.first(names.size() - 1);
    std::array<char, 64> name{};
    const ssize_t length = ::getxattr(path.c_str(), "system.sockprotoname", name.data(), name.size() - 1);
    return length <= 0 || std::find(wanted.begin(), wanted.end(), std::string_view(name.data())) != wanted.end();
}

} // namespace

/// Examines the sockets of one process.
class UnlistedSockets::Examination {
public:
    Examination(Pid pid, Kinds kinds, const IsListed& is_listed, std::vector<Found>& found, const Trace& trace)
        : pid_(pid), kinds_(kinds), is_listed_(is_listed), found_(found), trace_(trace)
    {
    }

    /// Finds the namespace of the socket behind a descriptor. Returns null if the descriptor was closed, or refers to
    /// another file by now.
    std::optional<Verdict> examine(int fd, Inode inode)
    {
        const std::string path = fmt::format("/proc/{}/fd/{}", pid_.value, fd);
        if (!may_be_listed(path, kinds_)) {
            return Verdict{Verdict::Is::irrelevant};
        }
        if (!process_) {
            process_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_.value, 0)));
        }
        const Fd socket(process_ ? static_cast<int>(::syscall(SYS_pidfd_getfd, process_.get(), fd, 0)) : -1);
        if (!socket) {
            const bool is_gone = errno == EBADF || errno == ESRCH;
            return is_gone ? std::nullopt : std::optional(Verdict{Verdict::Is::new_denied});
        }
        if (inode_of(socket) != inode.value) {
            return std::nullopt;
        }
        const Verdict verdict = judge(socket);
        if (!is_listed_(verdict.netns)) {
            trace_("unlisted: socket:[{}] of process {} is in net:[{}]", inode.value, pid_.value, verdict.netns.value);
        }
        return verdict;
    }

private:
    Verdict judge(const Fd& socket)
    {
        Fd entrance(::ioctl(socket.get(), SIOCGSKNS));
        const auto netns = inode_of(entrance);
        if (!netns) {
            const Fd own(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            const auto cookie = netns_cookie(socket);
            return cookie && cookie == netns_cookie(own) ? Verdict{Verdict::Is::elsewhere, Inode{own_netns_inode()}}
                                                         : Verdict{Verdict::Is::denied};
        }
        const auto is_same = [netns](const Found& known) { return known.space.inode == *netns; };
        if (!is_listed_(Inode{*netns}) && std::none_of(found_.begin(), found_.end(), is_same)) {
            std::string path = fmt::format("/proc/self/fd/{}", entrance.get());
            found_.push_back({{*netns, std::move(path), false}, std::move(entrance)});
        }
        return {Verdict::Is::elsewhere, Inode{*netns}};
    }

    Pid pid_;
    Kinds kinds_;
    const IsListed& is_listed_;
    std::vector<Found>& found_;
    const Trace& trace_;
    Fd process_;
};

std::vector<UnlistedSockets::Found> UnlistedSockets::find(const OwnerScanner& holders, std::vector<Inode> listed,
                                                          const IsListed& is_listed)
{
    std::sort(listed.begin(), listed.end());
    std::vector<Found> found;
    std::unordered_map<std::uint64_t, Verdict> verdicts;
    for (const auto& [pid, inodes] : holders.held_besides(listed)) {
        std::unordered_set<std::uint64_t> unknown;
        for (const Inode inode : inodes) {
            const auto known = verdicts_.find(inode.value);
            const bool is_known = known != verdicts_.end() &&
                                  (known->second.is != Verdict::Is::elsewhere || is_listed(known->second.netns));
            if (is_known) {
                const bool is_denied = known->second.is == Verdict::Is::new_denied;
                verdicts.emplace(inode.value, is_denied ? Verdict{Verdict::Is::denied} : known->second);
            } else if (!verdicts.contains(inode.value)) {
                unknown.insert(inode.value);
            }
        }
        if (unknown.empty()) {
            continue;
        }
        Examination examination(pid, kinds_, is_listed, found, holders.trace());
        for (const SocketFd& socket :
             read_fd_table(AT_FDCWD, fmt::format("/proc/{}/fd", pid.value).c_str(), pid).sockets) {
            if (socket.fd >= 0 && unknown.erase(socket.inode.value) != 0) {
                if (const auto verdict = examination.examine(socket.fd, socket.inode)) {
                    verdicts.emplace(socket.inode.value, *verdict);
                }
            }
        }
    }
    if (std::exchange(is_first_, false)) {
        for (auto& [inode, verdict] : verdicts) {
            verdict.is = verdict.is == Verdict::Is::new_denied ? Verdict::Is::denied : verdict.is;
        }
    }
    verdicts_ = std::move(verdicts);
    return found;
}

std::size_t UnlistedSockets::count(const IsListed& is_listed) const
{
    const auto is_unlisted = [&](const auto& entry) {
        const Verdict& verdict = entry.second;
        return verdict.is == Verdict::Is::denied || (verdict.is == Verdict::Is::elsewhere && !is_listed(verdict.netns));
    };
    return static_cast<std::size_t>(std::count_if(verdicts_.begin(), verdicts_.end(), is_unlisted));
}

bool UnlistedSockets::has(Inode netns) const
{
    return std::any_of(verdicts_.begin(), verdicts_.end(), [netns](const auto& entry) {
        return entry.second.is == Verdict::Is::elsewhere && entry.second.netns == netns;
    });
}

} // namespace socktally
