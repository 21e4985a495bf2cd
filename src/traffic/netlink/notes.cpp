// SPDX-License-Identifier: MIT
#include "traffic/netlink/notes.hpp"

#include "linux/privileges.hpp"
#include "owners/holder_notes.hpp"
#include "traffic/namespaces.hpp"
#include "traffic/uncounted_sockets.hpp"

#include <fmt/format.h>
#include <linux/capability.h>

#include <cerrno>
#include <system_error>

namespace socktally {

namespace {

constexpr std::string_view totals_remedy = "a window, as with -d 1s: the kernel keeps no totals of UDP sockets";

/// Where the kernel does not load them by itself, and for the next boot (modules-load.d(5)). One line for a shell, the
/// end of it a comment; no backslash, which TSV would double.
constexpr std::string_view modules_remedy = "modprobe -a tcp_diag udp_diag && (echo tcp_diag; echo udp_diag) > "
                                            "/etc/modules-load.d/socktally.conf # or a kernel with "
                                            "CONFIG_INET_TCP_DIAG and CONFIG_INET_UDP_DIAG";

} // namespace

void add(NetlinkFaults& faults, const NetlinkFaults& more)
{
    faults.not_listening = faults.not_listening || more.not_listening;
    faults.late_events = faults.late_events || more.late_events;
    faults.events_lost += more.events_lost;
    faults.garbled += more.garbled;
    faults.disturbed = faults.disturbed || more.disturbed;
    faults.unborn += more.unborn;
    faults.missed += more.missed;
    faults.vanished += more.vanished;
    faults.belated += more.belated;
    faults.begun_late += more.begun_late;
    faults.resets += more.resets;
    faults.without_counters += more.without_counters;
    faults.failed_looks += more.failed_looks;
    faults.udp_silent = faults.udp_silent && more.udp_silent;
    faults.udp_unlisted = faults.udp_unlisted || more.udp_unlisted;
}

std::vector<Note> notes_of(const NetlinkFaults& faults)
{
    std::vector<Note> notes;
    if (faults.interrupted) {
        notes.push_back({"interrupted", "a signal ended the window early", "", makes_incomplete, Note::About::window});
    }
    if (faults.not_listening) {
        notes.push_back({"events-lost",
                         "the kernel does not announce closed sockets: what connections that closed in the "
                         "window had moved is missing",
                         "use a kernel with CONFIG_INET_DIAG and sock_diag multicast (Linux 4.2)", makes_incomplete});
    }
    if (faults.late_events) {
        notes.push_back({"events-lost", "the kernel was late in announcing closed sockets: last bytes may be missing",
                         "", makes_incomplete});
    }
    if (faults.events_lost > 0) {
        notes.push_back({"events-lost",
                         fmt::format("{} announcements of closed sockets were lost: their last bytes are missing",
                                     faults.events_lost),
                         has_capability(CAP_NET_ADMIN) ? "" : std::string(setcap_remedy), makes_incomplete});
    }
    if (faults.garbled > 0) {
        notes.push_back({"dump-unclean", fmt::format("{} messages of the kernel made no sense", faults.garbled), "",
                         makes_incomplete});
    }
    if (faults.disturbed) {
        notes.push_back({"dump-unclean",
                         "so many sockets came and went that no list of them was undisturbed: some may be missing", "",
                         makes_incomplete});
    }
    if (faults.missed > 0) {
        notes.push_back(
            {"connections-missed",
             fmt::format("{} connections were opened that no list and no announcement showed", faults.missed), "",
             makes_incomplete});
    }
    if (faults.unborn > 0) {
        notes.push_back(
            {"dump-unclean",
             fmt::format("the first list of sockets missed {} connections: what they had moved before is counted too",
                         faults.unborn),
             "", makes_incomplete});
    }
    if (faults.without_counters > 0) {
        notes.push_back({"no-counters",
                         fmt::format("the kernel has no counters for {} connections", faults.without_counters),
                         "use Linux 4.9 or later", makes_incomplete});
    }
    if (faults.failed_looks > 0) {
        notes.push_back({"owners-unread",
                         fmt::format("{} looks at new sockets failed: some owners may be unknown", faults.failed_looks),
                         "", false});
    }
    if (faults.vanished > 0) {
        notes.push_back({"sockets-vanished",
                         fmt::format("{} connections ended without a trace of their last bytes", faults.vanished), "",
                         makes_incomplete});
    }
    if (faults.belated > 0) {
        notes.push_back({"sockets-vanished",
                         fmt::format("{} connections that had vanished in another window are counted to their end now: "
                                     "some of their bytes were moved then",
                                     faults.belated),
                         "", makes_incomplete});
    }
    if (faults.begun_late > 0) {
        notes.push_back({"other-netns",
                         fmt::format("{} other network namespaces could be entered only after the window had begun: "
                                     "what moved there before is missing",
                                     faults.begun_late),
                         "", makes_incomplete});
    }
    if (faults.resets > 0) {
        notes.push_back(
            {"counters-reset",
             fmt::format("the counters of {} connections were reset (reconnect, or close with SO_LINGER 0): what they "
                         "had moved before is missing",
                         faults.resets),
             "", makes_incomplete});
    }
    if (!faults.udp_silent) { // also where no socket is listed: one may have come and gone
        notes.push_back({"udp-bytes", "the bytes of UDP sockets are unknown",
                         std::string(faults.totals ? totals_remedy : setcap_remedy), makes_incomplete,
                         Note::About::protocol});
    }
    if (faults.udp_unlisted && !faults.udp_silent) {
        notes.push_back({"udp-bytes", "UDP sockets cannot be listed", std::string(modules_remedy), makes_incomplete,
                         Note::About::protocol});
    }
    add_unread_note(notes, faults.unread);
    return notes;
}

std::vector<Note> netlink_limits()
{
    std::vector<Note> limits;
    if (!has_capability(CAP_NET_RAW)) {
        limits.push_back({"udp-bytes", "lists UDP sockets, but their bytes are unknown", std::string(setcap_remedy),
                          makes_incomplete});
    }
    limits.push_back(uncounted_limit());
    add_namespaces_limit(limits);
    add_denied_limit(limits);
    if (!has_capability(CAP_NET_ADMIN)) {
        limits.push_back(
            {"events-lost",
             "has a small buffer for announcements of closed sockets: of more than a few hundred at once some "
             "may be lost",
             std::string(setcap_remedy), false});
    }
    return limits;
}

Unavailable netlink_refusal(int error)
{
    const std::string reason = std::generic_category().message(error);
    switch (error) {
    case ENOENT:
    case EINVAL:
    case EOPNOTSUPP: return {"the kernel cannot list TCP sockets: no tcp_diag", std::string(modules_remedy)};
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
        return {fmt::format("there is no NETLINK_SOCK_DIAG here: {}", reason),
                "allow AF_NETLINK where a sandbox forbids it (RestrictAddressFamilies=), else a kernel with "
                "CONFIG_INET_DIAG"};
    case EPERM:
    case EACCES:
        return {fmt::format("sock_diag is forbidden here: {}", reason),
                "allow AF_NETLINK sockets in the sandbox (seccomp, RestrictAddressFamilies=)"};
    default: return {fmt::format("sock_diag does not work here: {}", reason), ""};
    }
}

} // namespace socktally
