// SPDX-License-Identifier: MIT
#include "backend/packet/notes.hpp"

#include "backend/holders/holder_notes.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace socktally {

namespace {

constexpr bool incomplete = true;
constexpr std::string_view netns_remedy = "nsenter --net=/proc/PID/ns/net socktally";

std::string packets(std::uint64_t count) { return fmt::format("{} packet{}", count, count == 1 ? "" : "s"); }

} // namespace

std::vector<Note> notes_of(const PacketFaults& faults)
{
    std::vector<Note> notes;
    if (faults.interrupted) {
        notes.push_back({"interrupted", "a signal ended the window early", "", incomplete, Note::About::window});
    }
    if (faults.dropped > 0) {
        notes.push_back(
            {"packets-dropped",
             fmt::format("{} found the capture buffer full: their bytes are missing", packets(faults.dropped)),
             "give it more room: --capture-buffer 64M", incomplete});
    }
    if (faults.late) {
        notes.push_back({"packets-dropped", "the kernel was late in handing over the last packets", "", incomplete});
    }
    if (faults.cut > 0) {
        notes.push_back(
            {"packets-unread",
             fmt::format("{} had longer headers than are captured: their bytes are missing", packets(faults.cut)), "",
             incomplete});
    }
    if (faults.unmatched > 0) {
        notes.push_back(
            {"packets-unread",
             fmt::format("{} were fragments of datagrams whose beginning was not seen", packets(faults.unmatched)), "",
             incomplete});
    }
    if (faults.holes > 0) {
        notes.push_back({"packets-unread",
                         fmt::format("connections lost packets in {} places more than can be kept in mind: what was "
                                     "sent again there is missing",
                                     faults.holes),
                         "", incomplete});
    }
    if (faults.malformed > 0) {
        notes.push_back(
            {"packets-malformed",
             fmt::format("{} had lengths that do not fit, and went to no socket", packets(faults.malformed)), "",
             false});
    }
    if (faults.failed_lists > 0) {
        notes.push_back(
            {"owners-unread",
             fmt::format("sockets could not be listed {} times: some owners may be unknown", faults.failed_lists), "",
             false});
    }
    if (faults.failed_links > 0) {
        notes.push_back({"packets-unread",
                         "network interfaces could not be listed: packets may be counted at two of them", "",
                         incomplete});
    }
    if (faults.other_namespaces > 0) {
        notes.push_back(
            {"other-netns",
             fmt::format("only this network namespace was sampled, not {} other{} in which there are processes",
                         faults.other_namespaces, faults.other_namespaces == 1 ? "" : "s"),
             std::string(netns_remedy), false});
    }
    add_unread_note(notes, faults.unread);
    return notes;
}

std::vector<Note> packet_limits()
{
    std::vector<Note> limits;
    limits.push_back({"queues-unseen",
                      "counts what is on the wire: what waits in a socket to be read too, what waits to be sent not",
                      "", false});
    limits.push_back({"other-netns", "sees the current network namespace only", std::string(netns_remedy), false});
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
