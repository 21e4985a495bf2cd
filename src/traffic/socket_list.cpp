// SPDX-License-Identifier: MIT
// The backends of `socktally ports`: sockets as they are now, of every kind and state, each with its owners. No bytes.
// What differs between them is who lists the sockets (sock_diag or /proc/net) and who lists their owners (/proc or a
// BPF iterator).
#include "linux/interfaces.hpp"
#include "linux/interrupt.hpp"
#include "owners/fd_table.hpp"
#include "owners/owner_scanner.hpp"
#include "owners/unlisted_sockets.hpp"
#include "sockets/proc_net.hpp"
#include "sockets/sock_diag.hpp"
#include "traffic/backend.hpp"
#include "traffic/faults.hpp"
#include "traffic/namespaces.hpp"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <unordered_set>
#include <utility>

namespace socktally {

namespace {

enum class Lister : std::uint8_t { sock_diag, proc_net };

SocketFacts listed_facts(const Socket& socket, Lister lister)
{
    SocketFacts facts = facts_of(socket);
    facts.is_listed = true;
    const Protocol protocol = socket.tuple.protocol;
    if (protocol != Protocol::sctp) { // whose list has no queues; that of packet sockets has one
        facts.rx_queue = socket.rqueue;
    }
    if (protocol == Protocol::sctp || protocol == Protocol::packet) {
        return facts;
    }
    if (!is_listener(socket)) {
        facts.tx_queue = socket.wqueue;
    } else if (lister == Lister::sock_diag) { // sk_max_ack_backlog (net/ipv4/tcp_diag.c)
        facts.backlog = socket.wqueue;
    }
    const bool is_open = is_listener(socket) || facts.state == ConnectionState::unconnected;
    if (lister == Lister::sock_diag && socket.family == Family::v6 && is_open) {
        facts.v6_only = socket.v6_only;
    }
    return facts;
}

/// The sockets of the network namespace that the calling thread is in.
class NamespaceList {
public:
    NamespaceList(Inode netns, Lister lister, DiagDetail detail, Trace trace)
        : netns_(netns), lister_(lister), detail_(detail), trace_(trace)
    {
    }

    void add_to(std::vector<Flow>& flows)
    {
        const std::size_t before = flows.size();
        auto lists = ProcLists::all;
        if (lister_ == Lister::sock_diag) {
            lists = ProcLists::uncounted;
            Dumper dumper(trace_);
            const auto take = [&](const Socket& socket) { add(flows, socket, Lister::sock_diag); };
            if (dumper.tcp_once(take, detail_, all_states) != Dumper::Outcome::clean || !dumper.udp(take)) {
                lists = ProcLists::all; // sockets that were taken already are not taken again
            }
            garbled_ += dumper.garbled();
        }
        const ProcSockets listed = ProcSocketFiles(lists).read();
        garbled_ += listed.garbled;
        for (const Socket& socket : listed.sockets) {
            add(flows, socket, Lister::proc_net);
        }
        for (Flow& flow : std::span(flows).subspan(before)) {
            flow.accepted = flow.tuple.protocol == Protocol::tcp && listened_.contains(flow.tuple.local.port);
        }
    }
    std::uint64_t garbled() const { return garbled_; }

private:
    void add(std::vector<Flow>& flows, const Socket& socket, Lister lister)
    {
        const bool is_new = socket.inode != Inode{} ? inodes_.insert(socket.inode.value).second
                                                    : unheld_.insert({socket.tuple, socket.interface}).second;
        if (!is_new) { // the list changed while it was read; or a subflow of MPTCP
            return;
        }
        SocketFacts facts = listed_facts(socket, lister);
        if (socket.interface != 0) {
            facts.device = device_name(socket.interface);
        }
        Flow& flow = flows.emplace_back(flow_of(socket));
        flow.netns = netns_;
        if (flow.inode == Inode{} && flow.uid == Uid{0}) { // the kernel says 0 if it does not know
            flow.uid.reset();
        }
        flow.facts = std::make_shared<const SocketFacts>(std::move(facts));
        if (is_listener(socket)) {
            listened_.insert(socket.tuple.local.port);
        }
    }

    std::optional<std::string> device_name(std::uint32_t index)
    {
        if (!devices_) {
            devices_.emplace();
            NetlinkSocket route(NetlinkSocket::Mode::blocking, NETLINK_ROUTE);
            for (const Interface& device : list_interfaces(route)) {
                devices_->emplace(device.index, device.name);
            }
        }
        const auto found = devices_->find(index);
        return found != devices_->end() ? std::optional(found->second) : std::nullopt;
    }

    Inode netns_;
    Lister lister_;
    DiagDetail detail_;
    Trace trace_;
    std::unordered_set<std::uint64_t> inodes_;
    std::set<std::pair<Tuple, std::uint32_t>> unheld_;
    std::set<std::uint16_t> listened_;                            // TCP ports
    std::optional<std::map<std::uint32_t, std::string>> devices_; // names by index; null until one is asked for
    std::uint64_t garbled_ = 0;
};

class SocketList final : public Backend {
public:
    SocketList(std::string_view name, Lister lister, OwnerScanner::Source source, const BackendOptions& options)
        : name_(name), lister_(lister), detail_(options.facts ? DiagDetail::tcp_info : DiagDetail::sockets),
          source_(source), wanted_(options.namespaces), trace_(options.trace)
    {
    }

    /// Owners first, since they show namespaces that live by an open file; then the sockets, and again the owners of
    /// those that have changed hands in between.
    BackendResult sample(const SampleRequest& request) override
    {
        BackendResult result;
        Sample& sample = result.sample;
        sample.backend = name_;
        sample.started_at = std::chrono::system_clock::now();
        OwnerScanner owners("/proc", source_, trace_);
        owners.set_identify_process(request.identify_process);
        owners.expect_no_rescan();
        owners.scan();
        constexpr std::size_t files = ProcSocketFiles::files + 2; // and two sockets of netlink
        std::uint64_t garbled = 0;
        const auto list = [&](Inode netns) {
            NamespaceList sockets(netns, lister_, detail_, trace_);
            sockets.add_to(sample.flows);
            garbled += sockets.garbled();
        };
        const UnseenNamespaces unseen =
            list_namespaces(owners, wanted_, files, list, [&] { return held_inodes(sample.flows); });
        find_owners(owners, held_inodes(sample.flows));
        owners.confirm(OwnerScanner::Clock::now());
        Faults faults;
        faults[Fault::interrupted_totals] = request.interrupt->signal() != 0 ? 1 : 0;
        faults[Fault::owners_unread] = owners.failed();
        faults[Fault::garbled] = garbled;
        faults[Fault::sockets_unlisted] = unseen.unlisted;
        add_notes(sample.notes, faults);
        add_refused_namespaces(sample, unseen.refused);
        std::erase_if(sample.flows, [](const Flow& flow) { return flow.facts == nullptr; }); // which stands for them
        result.viewer = {Uid{::geteuid()}, owners.may_be_denied()};
        sample.holders = owners.take_holders();
        sample.processes = owners.take_processes();
        name_kernel_sockets(sample, result.viewer);
        return result;
    }

    std::vector<Note> limits() const override
    {
        std::vector<Note> limits;
        add_namespaces_limit(limits);
        add_denied_limit(limits);
        return limits;
    }

private:
    static std::vector<Inode> held_inodes(const std::vector<Flow>& flows)
    {
        std::vector<Inode> inodes;
        for (const Flow& flow : flows) {
            if (flow.inode != Inode{}) {
                inodes.push_back(flow.inode);
            }
        }
        return inodes;
    }

    /// The inode of the first pid namespace: PROC_PID_INIT_INO (include/linux/proc_ns.h).
    static bool sees_all_processes()
    {
        constexpr ino_t first = 0xEFFFFFFC;
        struct stat status {};
        return ::stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == first;
    }

    /// No process holds a socket that the kernel made for itself (nfsd, wireguard, vxlan), as far as one can see all.
    static void name_kernel_sockets(Sample& sample, const Viewer& viewer)
    {
        if (!sees_all_processes()) {
            return;
        }
        std::unordered_set<std::uint64_t> held;
        for (const Holder& holder : sample.holders) {
            held.insert(holder.inode.value);
        }
        for (Flow& flow : sample.flows) {
            const bool is_open = flow.facts != nullptr && (flow.facts->state == ConnectionState::listening ||
                                                           flow.facts->state == ConnectionState::unconnected);
            if (is_open && !viewer.denied && flow.uid == Uid{0} && !held.contains(flow.inode.value)) {
                flow.attribution.cause = Cause::kernel;
            }
        }
    }

    std::string_view name_;
    Lister lister_;
    DiagDetail detail_;
    OwnerScanner::Source source_;
    std::vector<Inode> wanted_;
    Trace trace_;
};

OpenResult open_with_iterators(const BackendOptions& options)
{
    if (!can_read_socket_files()) {
        return Unavailable{"the kernel does not accept the program that lists open files (it needs "
                           "Linux 5.17 and CAP_BPF)",
                           "socktally ports -b netlink"};
    }
    return std::make_unique<SocketList>("ebpf", Lister::sock_diag, OwnerScanner::Source::bpf, options);
}

OpenResult open_with_diag(const BackendOptions& options)
{
    try {
        Dumper dumper(options.trace);
        const auto outcome = dumper.tcp_once([](const Socket&) {}, DiagDetail::sockets, state_bit(TcpState::listen));
        if (outcome != Dumper::Outcome::refused) {
            return std::make_unique<SocketList>("netlink", Lister::sock_diag, OwnerScanner::Source::cheapest, options);
        }
    } catch (const std::system_error&) {
        // The kernel refuses sock_diag, as below.
    }
    return Unavailable{"the kernel does not list sockets through sock_diag here", "socktally ports -b procfs"};
}

OpenResult open_with_proc(const BackendOptions& options)
{
    if (read_proc_sockets(ProcLists::tcp_and_udp).missing) {
        return Unavailable{"/proc does not list sockets", "mount -t proc proc /proc"};
    }
    return std::make_unique<SocketList>("procfs", Lister::proc_net, OwnerScanner::Source::cheapest, options);
}

constexpr std::array lists{
    BackendEntry{"netlink", "sock_diag, and /proc/net for what it does not list", open_with_diag,
                 "cap_sys_admin,cap_dac_read_search,cap_sys_ptrace", 16},
    BackendEntry{"ebpf", "the same, with owners from a BPF iterator", open_with_iterators,
                 "cap_bpf,cap_perfmon,cap_sys_admin", 16},
    BackendEntry{"procfs", "the lists of sockets in /proc/net", open_with_proc,
                 "cap_sys_admin,cap_dac_read_search,cap_sys_ptrace", 16},
};

} // namespace

std::span<const BackendEntry> socket_lists() { return lists; }

} // namespace socktally
