// SPDX-License-Identifier: MIT
#include "traffic/packet/namespace_capture.hpp"

#include "linux/file.hpp"
#include "sockets/tcp_bytes.hpp"
#include "traffic/packet/sightings.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// The time that a process gets to read datagrams that have just arrived for it.
constexpr auto reading_time = 2ms;

/// The sockets are listed again while a UDP socket has queued datagrams, but at most this many times.
constexpr int most_lists = 3;

/// A flow is dropped when it has been idle for this long, or for crowded_limit if there are more than `crowd` flows.
constexpr std::chrono::seconds idle_limit = 60s;
constexpr std::chrono::seconds crowded_limit = 5s;
constexpr std::size_t crowd = 100'000;

/// Returns whether the network namespace of the calling thread forwards IP.
bool forwards_packets()
{
    constexpr std::array files{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"};
    return std::any_of(files.begin(), files.end(), [](const char* path) {
        constexpr std::size_t limit = 16;
        std::string buffer;
        const auto text = read_file(AT_FDCWD, path, buffer, limit);
        return text && !text->starts_with('0');
    });
}

/// Returns how many flows have sent packets to the port of DNS over TLS and over QUIC.
std::uint64_t count_encrypted(const std::vector<PacketFlow*>& flows)
{
    return static_cast<std::uint64_t>(std::count_if(flows.begin(), flows.end(), [](const PacketFlow* flow) {
        return flow->tx.packets != 0 && flow->tuple.remote.port == DnsLookups::encrypted_port;
    }));
}

} // namespace

NamespaceCapture::NamespaceCapture(Inode netns, OwnerScanner& holders, const CaptureWants& wants,
                                   std::size_t buffer_bytes, Arrival arrival)
    : netns_(netns), arrival_(arrival), owners_(holders), all_interfaces_(wants.interfaces.empty()),
      watch_(wants.kept, buffer_bytes, wants.interfaces), sockets_(holders, wants.kept, watch_.flows()),
      sums_(wants.detail), forwards_(forwards_packets())
{
    if (wants.lookups != nullptr) {
        lookups_.emplace(wants.lookups);
        watch_.read_payload([this](const Packet& packet, std::span<const std::byte> payload, Direction direction) {
            lookups_->add(packet, payload, direction);
        });
    } else if (sockets_.has_tcp()) {
        uncounted_.emplace(counters_);
    }
}

void NamespaceCapture::begin(When when)
{
    for (int lists = 0; lists < most_lists; ++lists) {
        sockets_.list();
        delivery_.begin(sockets_.listed(), counters_.read());
        if (!delivery_.is_queued(sockets_.listed())) {
            break;
        }
        ::usleep(std::chrono::microseconds(reading_time).count());
    }
    sockets_.begin_window(arrival_);
    find_redirected();
    watch_.begin();
    if (uncounted_) {
        uncounted_->begin(arrival_);
    }
    has_begun_ = true;
    begun_late_ = arrival_ == Arrival::is_new ? !adopt_connections() : when == When::later && has_moved();
}

/// Adds the open connections of a new namespace, with the bytes that the kernel's counters show. Returns false if bytes
/// are missing, because a connection is already closed, or because datagrams have moved.
bool NamespaceCapture::adopt_connections()
{
    std::uint64_t connections = 0;
    for (const Socket& socket : sockets_.listed()) {
        if (const auto payload = tcp_payload(socket); payload && !is_listener(socket)) {
            watch_.flows().adopt(socket.tuple, payload->rx_bytes, payload->tx_bytes);
            ++connections;
        }
    }
    const auto counters = counters_.read();
    return counters && counters->udp_datagrams == 0 &&
           (!sockets_.has_tcp() || counters->tcp_opens <= connections + counters->tcp_failures);
}

/// Returns whether bytes may have moved since the namespace was created.
bool NamespaceCapture::has_moved()
{
    const auto counters = counters_.read();
    return !counters || counters->udp_datagrams != 0 || (sockets_.has_tcp() && counters->tcp_opens != 0);
}

void NamespaceCapture::drain(std::chrono::seconds age)
{
    watch_.flows().tick(static_cast<std::uint32_t>(age.count()));
    watch_.drain();
    add_new_flows();
}

void NamespaceCapture::add_new_flows()
{
    for (PacketFlow& flow : watch_.flows().take_replaced()) {
        if (flow.tuple.protocol == Protocol::udp) {
            cut_.push_back(std::move(flow));
        } else {
            sockets_.add_ended(flow);
            finish(flow, nullptr);
        }
    }
    const std::vector<PacketFlow*> fresh = watch_.flows().take_new();
    for (PacketFlow* flow : fresh) {
        if (const auto carried = carried_.find(flow->tuple); carried != carried_.end()) {
            flow->rx.carried = carried->second.rx;
            flow->tx.carried = carried->second.tx;
            carried_.erase(carried);
        }
    }
    sockets_.add(fresh);
}

void NamespaceCapture::retire_idle(std::chrono::nanoseconds age, const std::vector<std::uint16_t>& tunnel_ports)
{
    watch_.count_drops();
    FlowTable& flows = watch_.flows();
    const auto limit = flows.size() > crowd ? crowded_limit : idle_limit;
    if (age < limit) {
        return;
    }
    const auto oldest = std::chrono::duration_cast<std::chrono::seconds>(age - limit);
    std::vector<PacketFlow> retired;
    flows.retire(static_cast<std::uint32_t>(oldest.count()), [&](PacketFlow& flow) {
        sockets_.drop(flow);
        retired.push_back(std::move(flow));
    });
    if (retired.empty()) {
        return;
    }
    watch_.learn_addresses();
    std::vector<PacketFlow*> pointers;
    pointers.reserve(retired.size());
    for (PacketFlow& flow : retired) {
        pointers.push_back(&flow);
    }
    const auto all = [&] { // the counterpart of a retired flow may still be in the table
        std::vector<PacketFlow*> both = all_flows();
        both.insert(both.end(), pointers.begin(), pointers.end());
        return both;
    };
    mark_nobodys(pointers, all, tunnel_ports);
    for (PacketFlow& flow : retired) {
        finish(flow, nullptr);
    }
}

std::vector<PacketFlow*> NamespaceCapture::all_flows()
{
    std::vector<PacketFlow*> flows;
    flows.reserve(watch_.flows().size());
    watch_.flows().each([&](PacketFlow& flow) { flows.push_back(&flow); });
    for (PacketFlow& flow : cut_) {
        flows.push_back(&flow);
    }
    return flows;
}

void NamespaceCapture::mark_nobodys(const std::vector<PacketFlow*>& flows,
                                    const std::function<std::vector<PacketFlow*>()>& all,
                                    const std::vector<std::uint16_t>& tunnel_ports)
{
    std::vector<PacketFlow*> judged = flows;
    if (lookups_) { // DnsLookups knows forwarded datagrams by their ids
        std::erase_if(judged, [](const PacketFlow* flow) { return flow->tuple.protocol != Protocol::tcp; });
    }
    const SightingPlace place{[this](const Address& address) { return watch_.is_local(address); },
                              [this](Inode inode) { return owners_.held(inode); }, tunnel_ports, all_interfaces_,
                              forwards_};
    forward_unsure_ += socktally::mark_nobodys(judged, all, place);
}

/// Ends the window. Reads the counters just before the end, so that they include no packet of the next window. Lists
/// the sockets right after the end, so that few sockets are opened or closed in between.
void NamespaceCapture::end()
{
    for (int lists = 0; lists < most_lists; ++lists) {
        if (lists > 0) {
            ::usleep(std::chrono::microseconds(reading_time).count());
        }
        delivery_.end_packets(counters_.read());
        ended_at_ = packet_clock_now();
        watch_.end(ended_at_);
        sockets_.list();
        delivery_.end(sockets_.listed(), counters_.read());
        if (!delivery_.is_queued(sockets_.listed())) {
            break;
        }
    }
    listed_at_ = packet_clock_now();
    if (uncounted_) {
        uncounted_->end();
    }
}

bool NamespaceCapture::drain_to_end()
{
    const bool complete = watch_.drain_until(listed_at_);
    add_new_flows();
    return complete;
}

/// Turns the bytes on the wire of a TCP flow into the bytes that its process has read and written.
void NamespaceCapture::correct(PacketFlow& flow, const Socket* last)
{
    if (flow.tuple.protocol == Protocol::tcp) {
        const TcpMoved window = tcp_in_window(flow, sockets_.first(flow.socket_tuple()), last);
        count(flow, window);
        ended_unread_ += window.ended_unread ? 1 : 0;
        unsent_unknown_ += window.unsent_unknown ? 1 : 0;
    }
}

/// Returns whether a socket of this namespace may have moved the flow's bytes. If not, the namespace has forwarded
/// them. A matching unconnected socket proves nothing, because a forwarded flow may have the same port at an end on
/// another machine.
bool NamespaceCapture::is_ours(const PacketFlow& flow) const
{
    if (flow.is_nobodys) {
        return false;
    }
    if (flow.looped || watch_.is_local(flow.tuple.local.address)) {
        return true;
    }
    const bool has_address = !flow.found.tuple.local.address.is_unspecified();
    return (flow.has_socket() && (has_address || flow.to_many)) || (!flow.takers.empty() && flow.to_many);
}

/// Corrects the bytes of a flow, and adds the flow to the sums. `last` is the connection's socket at the end of the
/// window; null if it is closed, and for UDP.
void NamespaceCapture::finish(PacketFlow& flow, const Socket* last)
{
    flow.is_over = flow.tuple.protocol == Protocol::tcp && last == nullptr;
    if (!is_ours(flow)) {
        return;
    }
    if (lookups_) {
        set_asker(flow);
        return;
    }
    correct(flow, last);
    if (flow.is_silent()) {
        return;
    }
    if (!flow.takers.empty() && flow.to_many) {
        // Each taker has received all of the multicast and broadcast.
        for (const Flow& taker : std::exchange(flow.takers, {})) {
            flow.found = taker;
            add_of_socket(flow);
        }
    } else if (flow.has_socket()) {
        if (flow.is_sender_unsure && flow.tx.packets != 0) {
            PacketFlow sent = flow;
            sent.rx = {};
            sent.found = {};
            sent.found.match = Quality::unknown;
            sums_.add(sent);
            flow.tx = {};
        }
        add_of_socket(flow);
    } else {
        const bool only_came = flow.tuple.protocol == Protocol::udp && flow.tx.packets == 0;
        if (only_came && flow.takers.empty()) {
            unclaimed_.push_back(flow);
        } else {
            delivery_.add_elsewhere(flow);
            sums_.add(flow);
        }
    }
}

/// Finds the ports to which Docker redirects queries in a container, so that they are read too.
void NamespaceCapture::find_redirected()
{
    constexpr std::size_t most = 16; // Docker has one for UDP and one for TCP
    if (!lookups_) {
        return;
    }
    std::vector<std::uint16_t> redirected;
    for (const Socket& socket : sockets_.listed()) {
        const Tuple& tuple = socket.tuple;
        if (tuple.local.address == DnsLookups::docker_address() && tuple.remote.port == 0 && redirected.size() < most) {
            redirected.push_back(tuple.local.port);
        }
    }
    watch_.set_redirected(redirected);
    lookups_->set_redirected(std::move(redirected));
}

/// Tells who asked the look-ups that this flow carried: its socket, if no other may have sent them.
void NamespaceCapture::set_asker(const PacketFlow& flow)
{
    PacketFlow sent = flow;
    // NAT may have changed the tuple of a connected socket that asks a resolver; any other resemblance proves nothing.
    const bool is_guess = flow.rewritten && flow.found.tuple.remote.port != DnsLookups::ports.front();
    if (flow.is_sender_unsure || is_guess) {
        sent.rewritten = false;
        sent.found = {};
        sent.found.match = Quality::unknown;
    }
    DnsAsker asker;
    asker.flow = flow_of(sent);
    asker.flow.netns = netns_;
    if (!sent.has_socket() && sent.takers.empty() && !flow.is_sender_unsure) {
        asker.flow.attribution.cause = Cause::exited; // it was never listed, and is not there any more
    }
    asker.flow.rx_bytes.reset();
    asker.flow.tx_bytes.reset();
    asker.is_sure = sent.has_socket() && !sent.rewritten && sent.found.tuple == flow.tuple;
    lookups_->set_asker(flow.tuple, flow.first_packet, std::move(asker));
}

void NamespaceCapture::finish_lookups(Sample& sample, DnsLookups::Rest rest)
{
    const DnsLookups::End end{ended_at_, rest, watch_.dropped_packets()};
    unanswered_ = lookups_->finish(end, sample, [&](DnsAsker& asker) {
        constexpr std::size_t most_holders = 64;
        for (const std::uint32_t holder : owners_.holders_of(asker.flow.inode)) {
            if (asker.is_kept || asker.holders.size() >= most_holders) {
                break;
            }
            asker.holders.push_back(sample.processes[holder]);
        }
        asker.is_kept = true;
    });
}

void NamespaceCapture::add_of_socket(const PacketFlow& flow)
{
    if (flow.assumed) {
        assumed_.push_back(flow);
        return;
    }
    if (owners_.held(flow.found.inode)) {
        delivery_.add(flow);
    } else {
        delivery_.add_elsewhere(flow);
    }
    sums_.add(flow);
}

/// Adds the flows of unclaimed_ to the sums, unless the kernel has found no socket for their datagrams either. Returns
/// the number of datagrams in the added flows.
std::uint64_t NamespaceCapture::finish_unclaimed()
{
    std::uint64_t datagrams = 0;
    for (const PacketFlow& flow : unclaimed_) {
        datagrams += flow.rx.datagrams;
    }
    if (delivery_.unwanted(datagrams)) {
        return 0;
    }
    for (const PacketFlow& flow : unclaimed_) {
        sums_.add(flow);
    }
    return datagrams;
}

/// Adds the flows of assumed_ to the sums if the kernel counts more read datagrams than were captured. `unclaimed` is
/// the result of finish_unclaimed().
void NamespaceCapture::finish_assumed(std::uint64_t unclaimed)
{
    std::uint64_t datagrams = 0;
    for (const PacketFlow& flow : assumed_) {
        datagrams += flow.rx.datagrams;
    }
    if (datagrams == 0 || !delivery_.take_unseen(datagrams, unclaimed)) {
        return;
    }
    for (PacketFlow& flow : assumed_) {
        flow.assumed = false;
        add_of_socket(flow);
    }
}

/// Computes PacketFlow::Counts::carried anew, from the queues of the flow's socket. Call it if packets were dropped.
/// Their bytes may be counted although they were not captured, and the next window would then subtract them. The queues
/// are listed a moment after the end of the window, so next_window() subtracts the packets captured in between.
void NamespaceCapture::count_from_queues(PacketFlow& flow, const Socket& last)
{
    flow.rx.carried = std::int64_t{unread_bytes(last)};
    flow.tx.carried = -std::int64_t{unsent_bytes(last).value_or(0)};
    by_queues_.push_back(&flow);
}

void NamespaceCapture::finish(std::vector<Flow>& flows, const std::vector<std::uint16_t>& tunnel_ports)
{
    const std::vector<PacketFlow*> left = all_flows();
    sockets_.finish(left);
    mark_nobodys(
        left, [&] { return std::vector(left); }, tunnel_ports);
    encrypted_ += count_encrypted(left);
    const auto joined = join_rewritten(left, watch_.flows());
    for (PacketFlow* flow : left) {
        const bool is_tcp = flow->tuple.protocol == Protocol::tcp;
        const Socket* last = is_tcp ? sockets_.last(flow->socket_tuple()) : nullptr;
        if (joined.contains(flow) && !lookups_) {
            flow->is_over = is_tcp && last == nullptr;
            continue;
        }
        finish(*flow, last);
        if (last != nullptr && watch_.dropped_packets()) {
            count_from_queues(*flow, *last);
        }
    }
    if (lookups_) {
        return;
    }
    finish_assumed(finish_unclaimed());
    std::vector<Flow> own = sums_.take(silent_flows());
    delivery_.correct(own);
    if (uncounted_) {
        find_owners(owners_, inodes_of(uncounted_->flows()));
        own.insert(own.end(), uncounted_->flows().begin(), uncounted_->flows().end());
    }
    for (Flow& flow : own) {
        flow.netns = netns_;
    }
    flows.insert(flows.end(), own.begin(), own.end());
}

/// Returns a flow for each listed socket. FlowSums::take() uses only the flows of sockets without packets. The process
/// of such a socket may have read bytes that came before the window. These bytes count only if all interfaces are
/// captured. Otherwise packets may have passed another interface.
std::vector<Flow> NamespaceCapture::silent_flows()
{
    carried_.clear();
    std::vector<Flow> flows;
    for (const Socket& socket : sockets_.listed()) {
        if (is_listener(socket) || socket.inode == Inode{}) {
            continue;
        }
        TcpMoved window;
        if (socket.tuple.protocol == Protocol::tcp && all_interfaces_ && !watch_.flows().has(socket.tuple)) {
            window = tcp_without_packets(sockets_.first(socket.tuple), socket);
        }
        if (window.rx_carried != 0 || window.tx_carried != 0) {
            carried_.emplace(socket.tuple, Carried{window.rx_carried, window.tx_carried});
        }
        Flow& flow = flows.emplace_back(flow_of(socket));
        flow.rx_bytes = window.rx_bytes;
        flow.tx_bytes = window.tx_bytes;
        flow.packets = {0, 0, 0, 0};
    }
    return flows;
}

/// Returns what may be missing from the look-ups. Others than these have nothing to do with them.
Faults NamespaceCapture::faults_of_lookups() const
{
    const Faults of_packets = watch_.faults();
    Faults faults;
    faults[Fault::lookups_dropped] = of_packets[Fault::packets_dropped];
    faults[Fault::failed_lists] = sockets_.failed_lists();
    faults[Fault::captured_late] = begun_late_ ? 1 : 0;
    faults[Fault::lookups_unanswered] = unanswered_;
    faults[Fault::lookups_encrypted] = encrypted_;
    faults[Fault::lookups_unread] = lookups_->unread();
    faults[Fault::lookups_unkept] = lookups_->unkept();
    const auto is_resolved = [](const Socket& socket) {
        static const Address address = parse_address("127.0.0.53").value();
        return socket.tuple.local == Endpoint{address, DnsLookups::ports.front()};
    };
    const auto& listed = sockets_.listed();
    faults[Fault::lookups_by_bus] = std::any_of(listed.begin(), listed.end(), is_resolved) ? 1 : 0;
    return faults;
}

Faults NamespaceCapture::faults() const
{
    if (lookups_) {
        return faults_of_lookups();
    }
    Faults faults = watch_.faults();
    faults[Fault::failed_lists] = sockets_.failed_lists();
    faults[Fault::ended_unread] = ended_unread_;
    faults[Fault::unsent_unknown] = unsent_unknown_;
    faults[Fault::unread_datagrams] = delivery_.unsure();
    faults[Fault::forward_unsure] = forward_unsure_;
    faults[Fault::captured_late] = begun_late_ ? 1 : 0;
    return faults;
}

void NamespaceCapture::next_window()
{
    sockets_.begin_window();
    watch_.next_window();
    for (PacketFlow* flow : std::exchange(by_queues_, {})) {
        if (flow->is_old) { // the queues were listed after these packets
            flow->rx.carried -= static_cast<std::int64_t>(flow->rx.payload_bytes);
            flow->tx.carried -= static_cast<std::int64_t>(flow->tx.payload_bytes);
        }
    }
    delivery_.next_window();
    find_redirected();
    if (uncounted_) {
        uncounted_->next_window();
    }
    if (lookups_) {
        lookups_->next_window();
        encrypted_ = 0;
    }
    cut_.clear();
    unclaimed_.clear();
    assumed_.clear();
    begun_late_ = false;
    ended_unread_ = 0;
    unsent_unknown_ = 0;
    forward_unsure_ = 0;
}

} // namespace socktally
