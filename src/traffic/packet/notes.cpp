// SPDX-License-Identifier: MIT
#include "traffic/packet/notes.hpp"

#include "owners/holder_notes.hpp"
#include "traffic/namespaces.hpp"
#include "traffic/uncounted_sockets.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace socktally {

namespace {

std::string counted(std::uint64_t count, std::string_view what)
{
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}
std::string packets(std::uint64_t count) { return counted(count, "packet"); }

/// What packets do not show, and the lists of sockets did not tell.
void add_queue_notes(std::vector<Note>& notes, const PacketFaults& faults)
{
    if (faults.ended_unread > 0) {
        notes.push_back({"queues-unseen",
                         fmt::format("{} ended by a reset or without a sign: bytes that nobody read count as received, "
                                     "and unsent ones are missing",
                                     counted(faults.ended_unread, "connection")),
                         "", makes_incomplete});
    }
    if (faults.unsent_unknown > 0) {
        notes.push_back({"queues-unseen",
                         fmt::format("{} had bytes in the send queue at an end of the window: without sock_diag it is "
                                     "not known which of them were on the wire",
                                     counted(faults.unsent_unknown, "connection")),
                         "", makes_incomplete});
    }
}

} // namespace

void add(PacketFaults& faults, const PacketFaults& more)
{
    faults.dropped += more.dropped;
    faults.late = faults.late || more.late;
    faults.malformed += more.malformed;
    faults.cut += more.cut;
    faults.unmatched += more.unmatched;
    faults.holes += more.holes;
    faults.failed_lists += more.failed_lists;
    faults.failed_links += more.failed_links;
    faults.ended_unread += more.ended_unread;
    faults.unsent_unknown += more.unsent_unknown;
    faults.forward_unsure += more.forward_unsure;
    faults.unread_datagrams += more.unread_datagrams;
    faults.begun_late += more.begun_late;
}

std::vector<Note> notes_of(const PacketFaults& faults)
{
    std::vector<Note> notes;
    if (faults.interrupted) {
        notes.push_back({"interrupted", "a signal ended the window early", "", makes_incomplete, Note::About::window});
    }
    if (faults.dropped > 0) {
        notes.push_back(
            {"packets-dropped",
             fmt::format("{} found the capture buffer full: their bytes are missing", packets(faults.dropped)),
             "give it more room: --capture-buffer 64M", makes_incomplete});
    }
    if (faults.late) {
        notes.push_back(
            {"packets-dropped", "the kernel was late in handing over the last packets", "", makes_incomplete});
    }
    if (faults.cut > 0) {
        notes.push_back(
            {"packets-unread",
             fmt::format("{} had longer headers than are captured: their bytes are missing", packets(faults.cut)), "",
             makes_incomplete});
    }
    if (faults.unmatched > 0) {
        notes.push_back(
            {"packets-unread",
             fmt::format("{} were fragments of datagrams whose beginning was not seen", packets(faults.unmatched)), "",
             makes_incomplete});
    }
    if (faults.holes > 0) {
        notes.push_back({"packets-unread",
                         fmt::format("connections lost packets in {} places more than can be kept in mind: what was "
                                     "sent again there is missing",
                                     faults.holes),
                         "", makes_incomplete});
    }
    if (faults.begun_late > 0) {
        notes.push_back(
            {"packets-unread",
             fmt::format("packets in {} could be captured only after the window had begun: the first ones are missing",
                         counted(faults.begun_late, "network namespace")),
             "", makes_incomplete});
    }
    if (faults.malformed > 0) {
        notes.push_back(
            {"packets-malformed",
             fmt::format("{} had lengths that do not fit, and went to no socket", packets(faults.malformed)), "",
             false});
    }
    add_queue_notes(notes, faults);
    if (faults.failed_lists > 0) {
        notes.push_back(
            {"owners-unread",
             fmt::format("sockets could not be listed {} times: some owners may be unknown", faults.failed_lists), "",
             false});
    }
    if (faults.failed_links > 0) {
        notes.push_back({"packets-unread",
                         "network interfaces could not be listed: packets may be counted at two of them", "",
                         makes_incomplete});
    }
    if (faults.unread_datagrams > 0) {
        notes.push_back({"datagrams-unread",
                         fmt::format("datagrams reached sockets and were not all read ({} dropped or left of unknown "
                                     "length): what their processes received is not known to the byte",
                                     faults.unread_datagrams),
                         "", makes_incomplete, Note::About::protocol});
    }
    if (faults.forward_unsure > 0) {
        notes.push_back({"forwarded-unsure",
                         fmt::format("{} with an address of this machine and no socket: taken for what is forwarded "
                                     "with other addresses (NAT), and not counted, though not all of it was seen twice",
                                     counted(faults.forward_unsure, "flow")),
                         "", makes_incomplete, Note::About::protocol});
    }
    add_unread_note(notes, faults.unread);
    return notes;
}

std::vector<Note> packet_limits()
{
    std::vector<Note> limits;
    limits.push_back({"queues-unseen",
                      "does not see the queues of sockets but at both ends of the window: of a connection that ends by "
                      "a reset, what nobody read counts as received",
                      "", false});
    limits.push_back(uncounted_limit());
    add_namespaces_limit(limits);
    add_denied_limit(limits);
    return limits;
}

Unavailable packet_refusal(int error)
{
    const std::string reason = std::generic_category().message(error);
    switch (error) {
    case EPERM:
    case EACCES: return {fmt::format("capturing packets is forbidden here: {}", reason), std::string(setcap_remedy)};
    case EAFNOSUPPORT:
        return {"the kernel has no packet sockets", "modprobe af_packet, or a kernel with CONFIG_PACKET"};
    case EINVAL:
    case ENOMEM:
        return {fmt::format("the kernel gives no capture buffer of this size: {}", reason),
                "ask for less: --capture-buffer 4M"};
    default: return {fmt::format("packets cannot be captured here: {}", reason), ""};
    }
}

} // namespace socktally
