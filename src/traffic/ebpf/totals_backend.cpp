// SPDX-License-Identifier: MIT
// The ebpf backend for samples without a window. It reads the sockets through BPF iterators.
#include "linux/bpf_rows.hpp"
#include "linux/error.hpp"
#include "linux/interfaces.hpp"
#include "linux/interrupt.hpp"
#include "linux/netns.hpp"
#include "owners/iterators.h"
#include "owners/owner_scanner.hpp"
#include "owners/unlisted_sockets.hpp"
#include "sockets/proc_net.hpp"
#include "traffic/backend.hpp"
#include "traffic/ebpf/refusal.hpp"
#include "traffic/ebpf/totals_flows.hpp"
#include "traffic/faults.hpp"
#include "traffic/namespaces.hpp"
#include "traffic/protocol_counters.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <system_error>
#include <vector>

namespace socktally {

namespace {

class TotalsBackend final : public Backend {
public:
    TotalsBackend(Fd tcp, Fd udp, const BackendOptions& options)
        : tcp_(std::move(tcp)), udp_(std::move(udp)), keeps_snapshot_(options.counters), keeps_facts_(options.facts),
          namespaces_(options.namespaces), trace_(options.trace)
    {
    }

    BackendResult sample(const SampleRequest& request) override
    {
        BackendResult result;
        Sample& sample = result.sample;
        sample.backend = "ebpf";
        sample.started_at = std::chrono::system_clock::now();
        sample.interfaces = read_interface_counters();
        OwnerScanner holders("/proc", SocketFiles::load(), trace_);
        holders.set_identify_process(request.identify_process);
        holders.expect(OwnerScanner::Follows::search);
        holders.scan(); // first, because the scan shows namespaces that only an open file keeps alive
        TotalsFlows flows(keeps_snapshot_ ? &result.snapshot : nullptr, keeps_facts_);
        const UnseenNamespaces unseen = read_sockets(flows, holders, result.snapshot);
        find_owners(holders, flows.inodes()); // finds owners of sockets that were opened or handed over since the scan
        holders.confirm(OwnerScanner::Clock::now());
        Faults faults;
        faults[Fault::interrupted_totals] = request.interrupt->signal() != 0 ? 1 : 0;
        faults[Fault::owners_unread] = holders.failed();
        faults[Fault::resets] = flows.resets();
        faults[Fault::udp_unknown_totals] = flows.has_udp() ? 1 : 0;
        faults[Fault::sockets_unlisted] = unseen.unlisted;
        add_notes(sample.notes, faults);
        sample.flows = flows.take();
        add_refused_namespaces(sample, unseen.refused);
        sample.holders = holders.take_holders();
        sample.processes = holders.take_processes();
        result.viewer = {Uid{::geteuid()}, holders.may_be_denied()};
        return result;
    }

    std::vector<Note> limits() const override { return {}; }

private:
    UnseenNamespaces read_sockets(TotalsFlows& flows, const OwnerScanner& holders, Snapshot& snapshot) const
    {
        int error = 0;
        const auto list_sockets = [&](Inode netns) {
            if (const auto counters = ProtocolCountersReader().read()) {
                snapshot.opens[netns] = {counters->tcp_opens, counters->tcp_failures};
            }
            const auto tcp_in_use = TcpInUse().read();
            flows.begin_namespace(tcp_in_use.value_or(0));
            const auto list = [&](const Fd& link) {
                const int failure = read_rows<totals_row>(link.get(), [&](const totals_row& row) { flows.add(row); });
                error = failure != 0 ? failure : error;
            };
            if (tcp_in_use != 0U) {
                list(tcp_);
            }
            list(udp_);
        };
        constexpr std::size_t files = 4; // most files open at once in a namespace: files of /proc/net, and an iterator
        UnseenNamespaces unseen =
            list_namespaces(holders, namespaces_, files, list_sockets, [&] { return flows.listed(); });
        if (error != 0) {
            throw errno_error("cannot list the sockets through BPF", error);
        }
        snapshot.left_out = unseen.left_out;
        snapshot.saw_all = unseen.refused == 0 && unseen.unlisted == 0;
        return unseen;
    }

    Fd tcp_;
    Fd udp_;
    bool keeps_snapshot_;
    bool keeps_facts_;
    std::vector<Inode> namespaces_;
    Trace trace_;
};

} // namespace

OpenResult open_ebpf_totals(const BackendOptions& options)
{
    iterators_totals links{};
    if (const int error = iterators_load_totals(&links); error != 0) {
        return bpf_refusal(
            error, {fmt::format("the kernel rejected the BPF programs that list sockets (they need Linux 5.17): {}",
                                std::generic_category().message(error)),
                    "use -b netlink -d 0"});
    }
    return std::make_unique<TotalsBackend>(Fd(links.tcp), Fd(links.udp), options);
}

} // namespace socktally
