// SPDX-License-Identifier: MIT
// The backend that runs netstat(1) and lsof(8) of macOS. It sees what exists at both ends of the window, and nothing in
// between.
#include "traffic/netstat/netstat_backend.hpp"

#include "linux/interrupt.hpp"
#include "sockets/socket_lookup.hpp"
#include "traffic/faults.hpp"
#include "traffic/netstat/lister.hpp"
#include "traffic/netstat/socket_holders.hpp"
#include "traffic/netstat/socket_numbers.hpp"
#include "traffic/window_clock.hpp"
#include "util/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

constexpr unsigned counts_twice_since = 24; // macOS 15: netstat counts the received bytes twice
constexpr std::string_view privileges = "run with sudo";

/// The sockets of one protocol.
struct SocketList {
    explicit SocketList(Protocol its_protocol) : protocol(its_protocol), numbers(its_protocol) {}

    Protocol protocol;
    SocketNumbers numbers;
    std::vector<NetstatRow> rows{}; // of the last list
    Snapshot before{};
};

Snapshot::Socket counters_in(const NetstatRow& row)
{
    Snapshot::Socket counters;
    counters.counters.payload = {row.rx_bytes.value_or(0), row.tx_bytes.value_or(0)};
    counters.counters.bytes_received = row.rx_bytes.value_or(0);
    counters.counters.bytes_acked = row.tx_bytes.value_or(0);
    counters.is_orphan = row.socket.state == TcpState::time_wait || row.socket.state == TcpState::close;
    return counters; // without the remote end: a UDP socket that connects to another peer keeps its counters
}

Snapshot snapshot_of(const std::vector<NetstatRow>& rows, bool is_known)
{
    Snapshot snapshot;
    snapshot.saw_all = is_known;
    for (const NetstatRow& row : rows) {
        if (!is_listener(row.socket) && row.socket.cookie != Cookie{}) {
            snapshot.sockets.emplace(SocketKey{{}, row.socket.cookie}, counters_in(row));
        }
    }
    return snapshot;
}

class NetstatBackend final : public Backend {
public:
    NetstatBackend(const BackendOptions& options, NetstatSystem system)
        : options_(options), system_(std::move(system)), holders_(system_)
    {
    }

    /// The last lists of a window are also the first lists of the next window.
    BackendResult sample(const SampleRequest& request) override
    {
        Faults faults;
        BackendResult result;
        Sample& sample = result.sample;
        sample.backend = "netstat";
        sample.started_at = std::chrono::system_clock::now();
        const bool has_window = request.window != 0ns;
        if (has_window) {
            const bool is_first = clock_.is_first();
            const auto end = clock_.begin(request.window);
            if (is_first) {
                read_first(request, faults);
            }
            wait_until(end, request);
            clock_.end(sample, how_ended(request));
        }
        holders_.next_list();
        for (SocketList& list : lists_) {
            const bool is_known = read(list, faults);
            Snapshot after = snapshot_of(list.rows, is_known);
            add_flows(list, has_window ? &list.before : nullptr, after, sample, faults);
            if (options_.counters) {
                result.snapshot.saw_all = result.snapshot.saw_all && after.saw_all;
                result.snapshot.sockets.insert(after.sockets.begin(), after.sockets.end());
            }
            list.before = std::move(after);
        }
        take_interfaces(sample, has_window, faults);
        find_holders(request, faults);
        holders_.add_to(sample);
        judge_bytes(sample, faults);
        judge_owners(sample);
        faults[has_window ? Fault::interrupted : Fault::interrupted_totals] = request.interrupt->signal() != 0 ? 1 : 0;
        if (has_window && faults[Fault::closed_unseen] == 0) {
            faults[Fault::short_lived_unseen] = 1;
        }
        add_notes(sample.notes, faults);
        result.viewer = {system_.viewer, false}; // judge_owners() has added the note
        return result;
    }

    std::vector<Note> limits() const override
    {
        Faults faults;
        faults[Fault::short_lived_unseen] = 1;
        std::vector<Note> limits = notes_of(faults);
        limits.emplace_back(counts_twice() ? NoteCode::rx_counted_twice : NoteCode::headers_counted);
        if (system_.viewer != Uid{}) {
            limits.emplace_back(NoteCode::owners_denied).remedy = privileges;
        }
        return limits;
    }

private:
    bool counts_twice() const { return system_.darwin >= counts_twice_since; }

    /// Lists the sockets of a protocol. Returns false if that fails. Then there are no rows.
    bool read(SocketList& list, Faults& faults)
    {
        auto rows = lister_.sockets(list.protocol, faults);
        const bool is_known = rows.has_value();
        list.rows = is_known ? std::move(*rows) : std::vector<NetstatRow>();
        if (is_known) {
            list.numbers.number(list.rows);
        }
        if (options_.counters) {
            forget_own_numbers(list.rows);
        }
        return is_known;
    }

    /// A later process cannot recognise sockets by numbers that this process made up.
    static void forget_own_numbers(std::vector<NetstatRow>& rows)
    {
        for (NetstatRow& row : rows) {
            const bool is_own = row.socket.cookie.value >= SocketNumbers::own_numbers;
            row.socket.cookie = is_own ? Cookie{} : row.socket.cookie;
        }
    }

    void read_first(const SampleRequest& request, Faults& faults)
    {
        for (SocketList& list : lists_) {
            const bool is_known = read(list, faults);
            list.before = snapshot_of(list.rows, is_known);
        }
        find_holders(request, faults);
        if (auto first = lister_.interfaces(faults)) {
            interfaces_ = counters_of(std::move(*first));
        }
    }

    void find_holders(const SampleRequest& request, Faults& faults)
    {
        std::vector<const NetstatRow*> rows;
        for (const SocketList& list : lists_) {
            for (const NetstatRow& row : list.rows) {
                rows.push_back(&row);
            }
        }
        holders_.find(rows, request.identify_process, faults);
    }

    void add_flows(const SocketList& list, const Snapshot* before, Snapshot& after, Sample& sample, Faults& faults)
    {
        std::vector<Socket> listeners;
        for (const NetstatRow& row : list.rows) {
            if (is_listener(row.socket)) {
                listeners.push_back(row.socket);
            }
        }
        const SocketLookup lookup(std::move(listeners));
        std::vector<Flow> flows;
        for (const NetstatRow& row : list.rows) {
            if (!is_listener(row.socket)) {
                flows.push_back(make_flow(row, lookup));
                faults[Fault::addresses_cut] += row.is_cut ? 1 : 0;
            }
        }
        if (before != nullptr) {
            const SnapshotGaps gaps = subtract(before, after, flows, {});
            faults[Fault::closed_unseen] += after.saw_all ? gaps.closed : 0;
            faults[Fault::resets] += gaps.restarted;
            faults[Fault::late] += gaps.late;
            faults[Fault::unlisted_before] += gaps.unknown;
            faults[Fault::unnumbered] += gaps.nameless;
        }
        std::move(flows.begin(), flows.end(), std::back_inserter(sample.flows));
    }

    Flow make_flow(const NetstatRow& row, const SocketLookup& listeners) const
    {
        Flow flow = flow_of(row.socket);
        flow.rx_bytes = row.rx_bytes;
        flow.tx_bytes = row.tx_bytes;
        const bool is_tcp = row.socket.tuple.protocol == Protocol::tcp;
        flow.accepted = is_tcp && listeners.accepts_at(row.socket.tuple.local);
        if (options_.facts && is_tcp) {
            flow.facts = std::make_shared<const SocketFacts>(facts_of(row.socket));
        }
        return flow;
    }

    /// Replaces bytes that netstat counts wrongly by null. A figure of 0 is right, however it is counted.
    void judge_bytes(Sample& sample, Faults& faults) const
    {
        for (Flow& flow : sample.flows) {
            if (counts_twice()) {
                const bool is_wrong = flow.rx_bytes.value_or(0) != 0;
                faults[Fault::rx_counted_twice] += is_wrong ? 1 : 0;
                flow.rx_bytes = is_wrong ? std::nullopt : flow.rx_bytes;
            } else {
                faults[Fault::headers_counted] +=
                    flow.rx_bytes.value_or(0) != 0 || flow.tx_bytes.value_or(0) != 0 ? 1 : 0;
            }
        }
    }

    /// Adds a note if this user cannot see who holds sockets with traffic. The note makes the sample incomplete,
    /// because another process may have moved the bytes.
    void judge_owners(Sample& sample) const
    {
        std::uint64_t unconfirmed = 0;
        for (Flow& flow : sample.flows) {
            flow.attribution.cause = holders_.is_of_kernel(flow.inode) ? Cause::kernel : Cause::none;
            unconfirmed += flow.may_have_traffic() && !holders_.is_confirmed(flow.inode) ? 1 : 0;
        }
        if (system_.viewer != Uid{} && unconfirmed > 0) {
            Note& note = sample.notes.emplace_back(
                NoteCode::owners_denied,
                fmt::format("only root can see which processes hold {}: the process that used a socket last is taken "
                            "for its owner",
                            plural(unconfirmed, "socket")),
                privileges);
            note.incomplete = true;
        }
    }

    static InterfaceCounters counters_of(std::vector<InterfaceTraffic> interfaces)
    {
        InterfaceCounters counters{std::move(interfaces)};
        for (const InterfaceTraffic& interface : counters.each) {
            counters.latest = std::max(counters.latest, interface.index);
        }
        return counters;
    }

    /// Sets Sample::interfaces. Leaves it empty if the counters could not be read at both ends.
    void take_interfaces(Sample& sample, bool has_window, Faults& faults)
    {
        auto last = lister_.interfaces(faults);
        if (!last) {
            interfaces_.reset();
            return;
        }
        sample.interfaces = *last;
        if (has_window && interfaces_) {
            interfaces_ = subtract(*interfaces_, sample);
        } else if (has_window) {
            sample.interfaces.clear();
            interfaces_ = counters_of(std::move(*last));
        }
    }

    BackendOptions options_;
    NetstatSystem system_;
    std::array<SocketList, 2> lists_{SocketList(Protocol::tcp), SocketList(Protocol::udp)};
    NetstatLister lister_{system_};
    SocketHolders holders_;
    std::optional<InterfaceCounters> interfaces_{}; // at the end of the last window; null: they could not be read
    WindowClock clock_{};
};

} // namespace

OpenResult open_netstat(const BackendOptions& options, NetstatSystem system)
{
    if (std::string why = NetstatLister(system).probe(); !why.empty()) {
        return Unavailable{std::move(why), ""};
    }
    if (options.counters && system.darwin >= counts_twice_since) {
        return Unavailable{"netstat counts received packets twice here, so --since would not be right", ""};
    }
    return std::make_unique<NetstatBackend>(options, std::move(system));
}

} // namespace socktally
