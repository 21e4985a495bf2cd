// SPDX-License-Identifier: MIT
// The backends of `socktally ports`. They list all sockets of every protocol and state as they are now, with their
// owners, but without bytes. The backends differ in the source of the sockets (sock_diag or /proc/net), and in the
// source of the owners (/proc or a BPF iterator).
#include "linux/interfaces.hpp"
#include "linux/interrupt.hpp"
#include "linux/route_messages.hpp"
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
    if (protocol != Protocol::sctp) { // the kernel lists no queue for SCTP, and only this queue for AF_PACKET
        facts.rx_queue = socket.rqueue;
    }
    if (protocol == Protocol::sctp || protocol == Protocol::packet) {
        return facts;
    }
    if (!is_listener(socket)) {
        facts.tx_queue = socket.wqueue;
    } else if (lister == Lister::sock_diag) { // for listeners, wqueue is sk_max_ack_backlog (net/ipv4/tcp_diag.c)
        facts.backlog = socket.wqueue;
    }
    const bool is_open = is_listener(socket) || facts.state == ConnectionState::unconnected;
    if (lister == Lister::sock_diag && socket.family == Family::v6 && is_open) {
        facts.v6_only = socket.v6_only;
    }
    return facts;
}

/// Lists the sockets of the calling thread's network namespace.
class NamespaceList {
public:
    NamespaceList(Inode netns, Lister lister, const BackendOptions& options)
        : netns_(netns), lister_(lister), detail_(options.facts ? DiagDetail::tcp_info : DiagDetail::sockets),
          states_(options.states), trace_(options.trace)
    {
    }

    /// Adds a flow for each socket in a wanted state to `flows`, and the inodes of all sockets to `listed`.
    void add_to(std::vector<Flow>& flows, std::vector<Inode>& listed)
    {
        const std::size_t before = flows.size();
        auto lists = ProcLists::all;
        if (lister_ == Lister::sock_diag) {
            lists = ProcLists::uncounted;
            Dumper dumper(trace_);
            make_room(flows, dumper.tcp_in_use().value_or(0));
            const auto take = [&](const Socket& socket) { add(flows, socket, Lister::sock_diag); };
            const auto tcp =
                dumper.tcp_in_use() == 0U ? Dumper::Outcome::clean : dumper.tcp_once(take, detail_, all_states);
            if (tcp != Dumper::Outcome::clean || !dumper.udp(take)) {
                lists = ProcLists::all; // leave_out_repeated() removes sockets that are listed twice
            }
            garbled_ += dumper.garbled();
        }
        const ProcSockets others = ProcSocketFiles(lists).read();
        garbled_ += others.garbled;
        for (const Socket& socket : others.sockets) {
            add(flows, socket, Lister::proc_net);
        }
        for (Flow& flow : std::span(flows).subspan(before)) {
            flow.accepted = flow.tuple.protocol == Protocol::tcp && listened_.contains(flow.tuple.local.port);
        }
        leave_out_repeated(flows, before);
        listed.insert(listed.end(), inodes_.begin(), inodes_.end());
    }
    std::uint64_t garbled() const { return garbled_; }

private:
    /// Reserves memory for twice as many flows as are needed, so that the flows of the next namespace also fit.
    /// Reserved memory that is not used costs nothing.
    static void make_room(std::vector<Flow>& flows, std::size_t sockets)
    {
        constexpr std::size_t sane = 1'000'000;
        const std::size_t needed = flows.size() + std::min(sockets, sane);
        if (needed > flows.capacity()) {
            flows.reserve(2 * needed);
        }
    }

    /// Removes repeated sockets. A list that changes while it is read may show a socket twice. Also, the subflows of an
    /// MPTCP connection share an inode.
    void leave_out_repeated(std::vector<Flow>& flows, std::size_t before)
    {
        std::sort(inodes_.begin(), inodes_.end());
        if (std::adjacent_find(inodes_.begin(), inodes_.end()) == inodes_.end()) {
            return;
        }
        std::unordered_set<std::uint64_t> seen;
        const auto begin = flows.begin() + static_cast<std::ptrdiff_t>(before);
        flows.erase(std::remove_if(begin, flows.end(),
                                   [&](const Flow& flow) {
                                       return flow.inode != Inode{} && !seen.insert(flow.inode.value).second;
                                   }),
                    flows.end());
    }

    void add(std::vector<Flow>& flows, const Socket& socket, Lister lister)
    {
        if (socket.inode != Inode{}) {
            inodes_.push_back(socket.inode);
        } else if (!unheld_.insert({socket.tuple, socket.interface}).second) {
            return;
        }
        if (is_listener(socket)) {
            listened_.insert(socket.tuple.local.port);
        }
        if ((states_ >> static_cast<unsigned>(connection_state_of(socket)) & 1U) == 0) {
            return;
        }
        SocketFacts facts = listed_facts(socket, lister);
        if (socket.interface != 0) {
            facts.device = device_name(socket.interface);
        }
        Flow& flow = flows.emplace_back(flow_of(socket));
        flow.netns = netns_;
        if (flow.inode == Inode{} && flow.uid == Uid{0}) { // the kernel reports 0 if it does not know the user
            flow.uid.reset();
        }
        if (last_facts_ == nullptr || *last_facts_ != facts) { // most connections have the same facts
            last_facts_ = std::make_shared<const SocketFacts>(std::move(facts));
        }
        flow.facts = last_facts_;
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
    std::uint32_t states_;
    Trace trace_;
    std::vector<Inode> inodes_; // inodes of all sockets, whatever their state
    std::set<std::pair<Tuple, std::uint32_t>> unheld_;
    std::set<std::uint16_t> listened_;                            // TCP ports
    std::optional<std::map<std::uint32_t, std::string>> devices_; // device names by index; null until one is needed
    std::shared_ptr<const SocketFacts> last_facts_;
    std::uint64_t garbled_ = 0;
};

class SocketList final : public Backend {
public:
    /// `files` is for the OwnerScanner, which explains it.
    SocketList(std::string_view name, Lister lister, std::shared_ptr<const SocketFiles> files,
               const BackendOptions& options)
        : name_(name), lister_(lister), files_(std::move(files)), options_(options)
    {
    }

    /// Lists the sockets first, and then their owners. So each listed socket that is still open has an owner, unless it
    /// was handed over meanwhile, or its owner cannot be seen.
    BackendResult sample(const SampleRequest& request) override
    {
        BackendResult result;
        Sample& sample = result.sample;
        sample.backend = name_;
        sample.started_at = std::chrono::system_clock::now();
        OwnerScanner owners("/proc", files_, options_.trace);
        owners.expect(OwnerScanner::Follows::at_most_threads);
        constexpr std::size_t files = ProcSocketFiles::files + 2; // 2 more for netlink sockets
        std::uint64_t garbled = 0;
        std::vector<Inode> listed;
        const auto list = [&](Inode netns) {
            NamespaceList sockets(netns, lister_, options_);
            sockets.add_to(sample.flows, listed);
            garbled += sockets.garbled();
        };
        const UnseenNamespaces unseen = list_namespaces(
            owners, options_.namespaces, files, list, [&] { return listed; }, [&] { owners.scan(); });
        find_owners(owners, held_inodes(sample.flows), OwnerScanner::Reach::threads);
        owners.confirm(OwnerScanner::Clock::now());
        Faults faults;
        faults[Fault::interrupted_totals] = request.interrupt->signal() != 0 ? 1 : 0;
        faults[Fault::owners_unread] = owners.failed();
        faults[Fault::garbled] = garbled;
        faults[Fault::namespaces_unlisted] = unseen.refused;
        faults[Fault::held_unlisted] = unseen.unlisted;
        add_notes(sample.notes, faults);
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

    /// Returns whether our pid namespace is the initial one, which shows all processes. The inode of the initial pid
    /// namespace is PROC_PID_INIT_INO (include/linux/proc_ns.h).
    static bool sees_all_processes()
    {
        constexpr ino_t first = 0xEFFFFFFC;
        struct stat status {};
        return ::stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == first;
    }

    /// Marks sockets that the kernel made for itself (nfsd, wireguard, vxlan). No process holds such a socket. This is
    /// certain only if all processes are visible.
    static void name_kernel_sockets(Sample& sample, const Viewer& viewer)
    {
        if (!sees_all_processes()) {
            return;
        }
        const auto is_held = [&](Inode inode) {
            const auto is_before = [](const Holder& holder, Inode wanted) { return holder.inode < wanted; };
            const auto found = std::lower_bound(sample.holders.begin(), sample.holders.end(), inode, is_before);
            return found != sample.holders.end() && found->inode == inode;
        };
        for (Flow& flow : sample.flows) {
            const bool is_open = flow.facts != nullptr && (flow.facts->state == ConnectionState::listening ||
                                                           flow.facts->state == ConnectionState::unconnected);
            if (is_open && !viewer.denied && flow.uid == Uid{0} && !is_held(flow.inode)) {
                flow.attribution.cause = Cause::kernel;
            }
        }
    }

    std::string_view name_;
    Lister lister_;
    std::shared_ptr<const SocketFiles> files_;
    BackendOptions options_;
};

OpenResult open_with_iterators(const BackendOptions& options)
{
    auto files = SocketFiles::load();
    if (!files) {
        return Unavailable{"the kernel refuses the BPF program that lists open files (it needs "
                           "Linux 5.17 and CAP_BPF)",
                           "socktally ports -b netlink"};
    }
    return std::make_unique<SocketList>("ebpf", Lister::sock_diag, std::move(files), options);
}

OpenResult open_with_diag(const BackendOptions& options)
{
    try {
        Dumper dumper(options.trace);
        const auto outcome = dumper.tcp_once([](const Socket&) {}, DiagDetail::sockets, 0); // walks no table
        if (outcome != Dumper::Outcome::refused) {
            return std::make_unique<SocketList>("netlink", Lister::sock_diag, nullptr, options);
        }
    } catch (const std::system_error&) {
        // The kernel refuses sock_diag. The message below tells the user.
    }
    return Unavailable{"the kernel does not list sockets through sock_diag here", "socktally ports -b procfs"};
}

OpenResult open_with_proc(const BackendOptions& options)
{
    if (read_proc_sockets(ProcLists::tcp_and_udp).missing) {
        return Unavailable{"/proc does not list sockets", "mount -t proc proc /proc"};
    }
    return std::make_unique<SocketList>("procfs", Lister::proc_net, nullptr, options);
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
