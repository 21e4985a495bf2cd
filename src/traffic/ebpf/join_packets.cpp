// SPDX-License-Identifier: MIT
#include "traffic/ebpf/join_packets.hpp"

#include "owners/bpf_process.hpp"
#include "traffic/ebpf/flow_tuple.hpp"

#include <map>
#include <utility>

namespace socktally {

namespace {

PacketCounts counts_of(const packets_socket& socket)
{
    return {socket.rx_packets, socket.tx_packets, socket.flow.rx_bytes, socket.flow.tx_bytes};
}

/// Frames below IP pass no IP socket; the subflows of MPTCP have cookies of their own.
bool is_counted(Protocol protocol) { return protocol != Protocol::packet && protocol != Protocol::mptcp; }

class Join {
public:
    Join(Sample& sample, const PacketSockets& sockets, Unlisted unlisted)
        : sample_(sample), sockets_(sockets), unlisted_(unlisted)
    {
        for (const Flow& flow : sample.flows) {
            const auto [users, is_new] = users_.try_emplace(flow.cookie.value, Users{0, flow.attribution});
            ++users->second.flows;
            if (flow.attribution.process != users->second.attribution.process) {
                users->second.attribution = unattributed;
            }
        }
        for (std::uint32_t index = 0; index < sample.processes.size(); ++index) {
            const Process& process = sample.processes[index];
            processes_.emplace(std::pair(process.pid, process.start_time), index);
        }
    }

    PacketCounts of(const Flow& flow) const
    {
        constexpr PacketCounts none{0, 0, 0, 0};
        constexpr PacketCounts unknown{};
        if (flow.cookie.value == 0 || !is_counted(flow.tuple.protocol)) {
            return unknown;
        }
        const auto socket = sockets_.find(flow.cookie.value);
        if (socket == sockets_.end()) {
            return unlisted_ == Unlisted::none ? none : unknown;
        }
        return users(flow.cookie.value) == 1 ? counts_of(socket->second) : unknown;
    }

    std::size_t users(std::uint64_t cookie) const
    {
        const auto found = users_.find(cookie);
        return found == users_.end() ? 0 : found->second.flows;
    }

    void add(std::uint64_t cookie, const packets_socket& socket)
    {
        const bool is_used = users(cookie) != 0;
        Flow flow;
        flow.tuple = tuple_of(socket.flow);
        flow.cookie = Cookie{cookie};
        flow.netns = Inode{socket.flow.netns};
        flow.uid = Uid{socket.flow.uid};
        flow.rx_bytes = 0;
        flow.tx_bytes = 0;
        flow.packets = counts_of(socket);
        flow.sockets = is_used ? 0 : 1; // its users' flows count it
        flow.attribution = is_used ? users_.at(cookie).attribution : unattributed;
        if (!is_used && socket.holder_start_ns != 0 && socket.is_shared == 0) {
            flow.attribution = {holder_of(socket), Cause::none, Quality::owner};
        }
        sample_.flows.push_back(flow);
    }

private:
    static constexpr Attribution unattributed{std::nullopt, Cause::unknown, Quality::unknown};
    /// The flows of a socket: one for each pair of a process that moved payload and an other end.
    struct Users {
        std::size_t flows;
        Attribution attribution; // the process, if there is only one
    };

    std::uint32_t holder_of(const packets_socket& socket)
    {
        Process holder = process_of(static_cast<std::int32_t>(socket.holder_tgid), socket.holder_start_ns,
                                    socket.holder_uid, socket.holder_name);
        const auto next = static_cast<std::uint32_t>(sample_.processes.size());
        const auto [known, is_new] = processes_.try_emplace(std::pair(holder.pid, holder.start_time), next);
        if (is_new) {
            sample_.processes.push_back(std::move(holder));
        }
        return known->second;
    }

    Sample& sample_;
    const PacketSockets& sockets_;
    Unlisted unlisted_;
    std::unordered_map<std::uint64_t, Users> users_; // by cookie
    std::map<std::pair<Pid, StartTime>, std::uint32_t> processes_;
};

} // namespace

std::size_t join_packets(Sample& sample, const PacketSockets& sockets, Unlisted unlisted)
{
    Join join(sample, sockets, unlisted);
    for (Flow& flow : sample.flows) {
        flow.packets = join.of(flow);
    }
    std::size_t shared = 0;
    for (const auto& [cookie, socket] : sockets) {
        const std::size_t users = join.users(cookie);
        shared += users > 1 ? 1 : 0;
        if (users != 1) {
            join.add(cookie, socket);
        }
    }
    return shared;
}

} // namespace socktally
