// SPDX-License-Identifier: MIT
// The backend that reads the kernel control com.apple.network.statistics of macOS. Experimental: nobody has run it on
// macOS yet.
#include "traffic/ntstat/ntstat_backend.hpp"

#include "linux/interrupt.hpp"
#include "sockets/socket_lookup.hpp"
#include "traffic/faults.hpp"
#include "traffic/ntstat/control.hpp"
#include "traffic/window_clock.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

class NtstatBackend final : public Backend {
public:
    NtstatBackend(const BackendOptions& options, NtstatSystem system, NtstatControl control)
        : keeps_facts_(options.facts), viewer_(system.viewer), look_up_(std::move(system.look_up)),
          control_(std::move(control))
    {
    }

    BackendResult sample(const SampleRequest& request) override
    {
        Faults faults;
        BackendResult result;
        Sample& sample = result.sample;
        sample.backend = "ntstat";
        sample.started_at = std::chrono::system_clock::now();
        control_.set_described([&](const NtstatDescriptor& user) { remember(user, request.identify_process); });
        const bool has_window = request.window != 0ns;
        if (has_window) {
            if (clock_.is_first()) {
                interfaces_ = read_interfaces();
                control_.query();
                control_.flows().begin_window();
            }
            const auto end = clock_.begin(request.window);
            wait(end, request);
            take_interface_deltas(interfaces_, sample);
            clock_.end(sample, how_ended(request));
        } else {
            sample.interfaces = read_interfaces().each;
        }
        control_.query();
        control_.set_described({});
        add_flows(control_.flows().end_window(!has_window, faults), sample);
        faults[Fault::garbled] += control_.take_garbled();
        faults[has_window ? Fault::interrupted : Fault::interrupted_totals] = request.interrupt->signal() != 0 ? 1 : 0;
        add_notes(sample.notes, faults);
        result.viewer = {viewer_, false};
        return result;
    }

    std::vector<Note> limits() const override
    {
        Faults faults;
        faults[Fault::quic_flows] = 1;
        std::vector<Note> limits = notes_of(faults);
        limits.front().message = "flows of QUIC are left out";
        limits.emplace_back(NoteCode::shared_sockets, "sees only the process that used a socket last");
        return limits;
    }

    std::string variant() const override { return "experimental"; }

private:
    using User = std::pair<Pid, std::uint64_t>; // with the upid

    /// Reads messages until the window ends.
    void wait(Clock::time_point end, const SampleRequest& request)
    {
        constexpr auto progress_interval = 250ms;
        const auto begun = Clock::now();
        for (auto now = begun; now < end && !request.interrupt->ends_window(); now = Clock::now()) {
            request.tell(now - begun);
            request.interrupt->wait_until(std::min(end, now + progress_interval), control_.fd());
            control_.drain();
        }
    }

    /// Looks up a process when it is first named, because it may end soon. The kernel's name is taken, because the
    /// process may have ended already, and another one may have its pid.
    void remember(const NtstatDescriptor& user, const IdentifyProcess& identify)
    {
        const auto [known, is_new] = processes_.try_emplace({user.pid, user.upid});
        if (!is_new || user.pid == Pid{}) {
            return;
        }
        Process& process = known->second;
        process.pid = user.pid;
        process.name = user.name;
        process.uid = user.uid;
        const auto found = look_up_(user.pid);
        if (found && (found->name == user.name || user.name.empty())) {
            process = *found;
        }
        if (found && identify) {
            identify(process);
        }
    }

    void add_flows(std::vector<NtstatTraffic> all, Sample& sample)
    {
        std::vector<Socket> listeners;
        for (const NtstatTraffic& traffic : all) {
            if (traffic.descriptor.state == TcpState::listen) {
                Socket& socket = listeners.emplace_back();
                socket.tuple = traffic.descriptor.tuple;
                socket.state = TcpState::listen;
                socket.family = socket.tuple.local.address.family;
            }
        }
        const SocketLookup lookup(std::move(listeners));
        std::map<User, std::uint32_t> indices;
        std::map<User, Process> used;
        for (NtstatTraffic& traffic : all) {
            if (traffic.descriptor.state == TcpState::listen) {
                continue;
            }
            sample.flows.push_back(make_flow(traffic, lookup));
            traffic.earlier.push_back(traffic.descriptor);
            for (const NtstatDescriptor& descriptor : traffic.earlier) {
                const User user{descriptor.pid, descriptor.upid};
                const auto process = processes_.find(user);
                if (descriptor.pid == Pid{} || process == processes_.end()) {
                    continue;
                }
                const auto [index, is_new] = indices.try_emplace(user, sample.processes.size());
                if (is_new) {
                    sample.processes.push_back(process->second);
                    used.insert(*process);
                }
                const bool is_current = &descriptor == &traffic.earlier.back();
                sample.holders.push_back({sample.flows.back().inode, index->second, is_current});
            }
        }
        processes_ = std::move(used);
    }

    Flow make_flow(const NtstatTraffic& traffic, const SocketLookup& listeners) const
    {
        const NtstatDescriptor& descriptor = traffic.descriptor;
        Socket socket;
        socket.tuple = descriptor.tuple;
        socket.family = descriptor.tuple.local.address.family;
        socket.state = traffic.has_closed ? TcpState::close : descriptor.state;
        socket.interface = descriptor.interface;
        socket.cookie = Cookie{traffic.source};
        socket.inode = Inode{traffic.source};
        socket.uid = descriptor.uid;
        Flow flow = flow_of(socket);
        flow.rx_bytes = traffic.rx_bytes;
        flow.tx_bytes = traffic.tx_bytes;
        const bool is_tcp = descriptor.tuple.protocol == Protocol::tcp;
        flow.accepted = is_tcp && listeners.accepts_at(descriptor.tuple.local);
        if (keeps_facts_ && is_tcp) {
            flow.facts = std::make_shared<const SocketFacts>(facts_of(socket));
        }
        if (descriptor.pid == Pid{}) {
            flow.attribution.cause = Cause::kernel;
        }
        return flow;
    }

    bool keeps_facts_;
    Uid viewer_;
    std::function<std::optional<Process>(Pid)> look_up_;
    NtstatControl control_;
    std::map<User, Process> processes_{}; // that use flows now
    InterfaceCounters interfaces_{};
    WindowClock clock_{};
};

} // namespace

OpenResult open_ntstat(const BackendOptions& options, NtstatSystem system)
{
    if (options.counters) {
        return Unavailable{"it cannot recognise the flows of an earlier run, which --since needs", ""};
    }
    NtstatControl control(std::move(system.control), system.patience);
    if (std::string why = control.begin(); !why.empty()) {
        return Unavailable{std::move(why), ""};
    }
    return std::make_unique<NtstatBackend>(options, std::move(system), std::move(control));
}

} // namespace socktally
