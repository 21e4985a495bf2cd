// SPDX-License-Identifier: MIT
#include "traffic/uncounted_sockets.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"
#include "owners/fd_table.hpp"
#include "traffic/socket_flows.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

namespace socktally {

namespace {

constexpr std::size_t longest_counter_file = 1 << 16;
constexpr std::size_t longest_name = 64;
constexpr std::string_view ebpf_remedy = "use -b ebpf to count them; socktally doctor says what it needs";

void add_icmp(std::string_view name, std::uint64_t value, UncountedCounters& counters)
{
    if (name == "InMsgs") {
        counters.icmp += value;
        counters.known_in += value;
    } else if (name == "OutMsgs") {
        counters.icmp += value;
        counters.known_out += value;
    } else if (name == "OutEchos") {
        counters.echo_requests += value;
    }
}

/// Datagrams that no socket received are also among those that IP has delivered.
void add_udp(std::string_view name, std::uint64_t value, UncountedCounters& counters)
{
    if (name == "OutDatagrams") {
        counters.known_out += value;
    } else if (name == "InDatagrams" || name == "NoPorts" || name == "InErrors") {
        counters.known_in += value;
    }
}

void add_field(std::string_view protocol, std::string_view name, std::uint64_t value, UncountedCounters& counters)
{
    if (protocol == "Ip") {
        counters.ip_in += name == "InDelivers" ? value : 0;
        counters.ip_out += name == "OutRequests" ? value : 0;
    } else if (protocol == "Icmp") {
        add_icmp(name, value, counters);
    } else if (protocol == "Tcp") {
        counters.tcp += name == "InSegs" || name == "OutSegs" ? value : 0;
    } else if (protocol == "Udp") {
        add_udp(name, value, counters);
    } else if (protocol == "UdpLite") {
        counters.udplite += name == "InDatagrams" || name == "OutDatagrams" ? value : 0;
        add_udp(name, value, counters);
    }
}

/// "Ip6InDelivers" is InDelivers of Ip. UdpLite6 is asked for before Udp6, of which it is none.
void add_line(std::string_view name, std::uint64_t value, UncountedCounters& counters)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> families{
        {{"Ip6", "Ip"}, {"Icmp6", "Icmp"}, {"UdpLite6", "UdpLite"}, {"Udp6", "Udp"}}};
    for (const auto& [prefix, protocol] : families) {
        if (name.starts_with(prefix)) {
            add_field(protocol, name.substr(prefix.size()), value, counters);
            return;
        }
    }
    counters.sctp += name == "SctpInSCTPPacks" || name == "SctpOutSCTPPacks" ? value : 0;
}

bool has(const std::vector<Flow>& flows, Protocol protocol)
{
    return std::any_of(flows.begin(), flows.end(), [=](const Flow& flow) { return flow.tuple.protocol == protocol; });
}

/// Raw IP has no counters. It moved the part of IP that no other protocol explains. Beside TCP that part is not known,
/// because the kernel counts TCP by segments, but IP by superpackets.
bool may_have_moved_raw(const UncountedCounters& before, const UncountedCounters& after)
{
    const std::uint64_t in = after.ip_in - before.ip_in;
    const std::uint64_t out = after.ip_out - before.ip_out;
    return after.tcp != before.tcp || in > after.known_in - before.known_in || out > after.known_out - before.known_out;
}

} // namespace

void add_uncounted_snmp(std::string_view text, UncountedCounters& counters)
{
    while (!text.empty()) {
        std::string_view names = next_line(text);
        std::string_view values = next_line(text);
        std::string_view protocol = next_word(names);
        if (protocol != next_word(values) || !protocol.ends_with(':')) {
            return;
        }
        protocol.remove_suffix(1);
        for (std::string_view name = next_word(names); !name.empty(); name = next_word(names)) {
            add_field(protocol, name, parse_number(next_word(values)).value_or(0), counters);
        }
    }
}

void add_uncounted_lines(std::string_view text, UncountedCounters& counters)
{
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::string_view name = next_word(line);
        add_line(name, parse_number(next_word(line)).value_or(0), counters);
    }
}

UncountedTraffic& UncountedTraffic::operator|=(const UncountedTraffic& other)
{
    icmp = icmp || other.icmp;
    raw = raw || other.raw;
    udplite = udplite || other.udplite;
    sctp = sctp || other.sctp;
    return *this;
}

UncountedTraffic uncounted_traffic(const UncountedCounters& before, const UncountedCounters& after,
                                   const std::vector<Flow>& flows)
{
    UncountedTraffic traffic;
    traffic.icmp =
        before.echo_requests != after.echo_requests || (before.icmp != after.icmp && has(flows, Protocol::icmp));
    traffic.raw = has(flows, Protocol::raw) && may_have_moved_raw(before, after);
    traffic.udplite = before.udplite != after.udplite;
    traffic.sctp = before.sctp != after.sctp;
    return traffic;
}

UncountedSockets::UncountedSockets()
    : counter_files_{Fd(::open("/proc/thread-self/net/snmp", O_RDONLY | O_CLOEXEC)),
                     Fd(::open("/proc/thread-self/net/snmp6", O_RDONLY | O_CLOEXEC)),
                     Fd(::open("/proc/thread-self/net/sctp/snmp", O_RDONLY | O_CLOEXEC))}
{
}

UncountedCounters UncountedSockets::read_counters()
{
    UncountedCounters counters;
    auto* add = &add_uncounted_snmp; // for the first file
    for (const Fd& file : counter_files_) {
        if (const auto text = file ? reread_file(file.get(), buffer_, longest_counter_file) : std::nullopt) {
            add(*text, counters);
        }
        add = &add_uncounted_lines;
    }
    return counters;
}

void UncountedSockets::begin(Namespace which)
{
    has_begun_ = true;
    if (which == Namespace::was_there) {
        before_ = read_counters();
        first_ = lists_.read().sockets;
    }
}

/// Sockets before counters: what a socket moves that is in no list is counted by then.
void UncountedSockets::end()
{
    if (!has_begun_) {
        return;
    }
    last_ = lists_.read().sockets;
    after_ = read_counters();
    flows_ = flows_of(first_, last_);
    traffic_ = uncounted_traffic(before_, after_, flows_);
}

void UncountedSockets::next_window()
{
    first_ = std::move(last_);
    before_ = after_;
    flows_.clear();
    traffic_ = {};
}

namespace {

/// Whether the process is called as this one is. Its program may be a copy, and may not be read.
bool is_instance(const Process& process)
{
    std::string buffer;
    const auto name = read_file(AT_FDCWD, "/proc/self/comm", buffer, longest_name);
    return name && *name == process.name + '\n';
}

void drop_captures(Sample& sample)
{
    if (!has(sample.flows, Protocol::packet)) {
        return;
    }
    std::set<std::uint64_t> captures;
    for (const Inode own : own_sockets()) {
        captures.insert(own.value);
    }
    std::set<std::uint64_t> sockets;
    for (const Flow& flow : sample.flows) {
        if (flow.tuple.protocol == Protocol::packet) {
            sockets.insert(flow.inode.value);
        }
    }
    for (const Holder& holder : sample.holders) {
        if (sockets.contains(holder.inode.value) && is_instance(sample.processes[holder.process])) {
            captures.insert(holder.inode.value);
        }
    }
    std::erase_if(sample.flows, [&](const Flow& flow) {
        return flow.tuple.protocol == Protocol::packet && captures.contains(flow.inode.value);
    });
}

void add_note(Sample& sample, Protocol protocol, std::string_view name)
{
    sample.notes.push_back({"uncounted-bytes",
                            fmt::format("{} moved bytes, but the bytes of its sockets are not counted", name),
                            std::string(ebpf_remedy), makes_incomplete, Note::About::protocol, std::nullopt, protocol});
}

} // namespace

Note uncounted_limit()
{
    return {"uncounted-bytes",
            "lists sockets of ICMP, raw IP, UDP-Lite, SCTP and AF_PACKET, but their bytes are unknown",
            std::string(ebpf_remedy), false};
}

void finish_uncounted(Sample& sample, const UncountedTraffic& traffic)
{
    drop_captures(sample);
    if (traffic.icmp) {
        add_note(sample, Protocol::icmp, "ICMP");
    }
    if (traffic.raw) {
        add_note(sample, Protocol::raw, "raw IP may have");
    }
    if (traffic.udplite) {
        add_note(sample, Protocol::udplite, "UDP-Lite");
    }
    if (traffic.sctp) {
        add_note(sample, Protocol::sctp, "SCTP");
    }
    const auto sockets = std::count_if(sample.flows.begin(), sample.flows.end(),
                                       [](const Flow& flow) { return flow.tuple.protocol == Protocol::packet; });
    if (sockets > 0) {
        sample.notes.push_back({"packet-sockets",
                                fmt::format("{} socket{} below IP (AF_PACKET): what is sent through them is not "
                                            "counted",
                                            sockets, sockets == 1 ? "" : "s"),
                                std::string(ebpf_remedy), false, Note::About::protocol, std::nullopt,
                                Protocol::packet});
    }
}

} // namespace socktally
