// SPDX-License-Identifier: MIT
#include "backend/procfs/procfs_backend.hpp"

#include "backend/holders/holder_map.hpp"
#include "backend/holders/holder_notes.hpp"
#include "backend/interfaces.hpp"
#include "backend/procfs/proc_sockets.hpp"
#include "backend/procfs/socket_flows.hpp"
#include "backend/wait.hpp"
#include "sys/interrupt.hpp"
#include "sys/netns.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::string_view netns_remedy = "nsenter --net=/proc/PID/ns/net socktally";

Note no_bytes_note()
{
    return {"no-bytes",
            "bytes are not counted: sockets are listed at both ends of the window, and those in between are not seen",
            "socktally doctor tells what the better backends need", true};
}

/// `wanted` is BackendOptions::namespaces.
void add_namespaces_note(std::vector<Note>& notes, const std::vector<Inode>& wanted)
{
    auto others = network_namespaces();
    others.erase(others.begin()); // our own
    std::erase_if(others, [&](const NetworkNamespace& other) {
        return !wanted.empty() && std::find(wanted.begin(), wanted.end(), Inode{other.inode}) == wanted.end();
    });
    if (!others.empty()) {
        notes.push_back({"other-netns",
                         fmt::format("only this network namespace was listed, not {} other{}", others.size(),
                                     others.size() == 1 ? "" : "s"),
                         std::string(netns_remedy), true});
    }
}

void add_garbled_note(std::vector<Note>& notes, std::size_t lines)
{
    if (lines > 0) {
        notes.push_back({"dump-unclean", fmt::format("{} lines of /proc/net made no sense", lines), "", true});
    }
}

/// /proc/net is that of our own namespace.
void place(std::vector<Flow>& flows)
{
    const Inode own{netns_inode("/proc/self/ns/net").value_or(0)};
    for (Flow& flow : flows) {
        flow.netns = own;
    }
}

void find_holders(HolderMap& holders, const std::vector<Flow>& flows)
{
    constexpr auto longest_search = 500ms;
    std::vector<Inode> inodes;
    inodes.reserve(flows.size());
    for (const Flow& flow : flows) {
        inodes.push_back(flow.inode);
    }
    const std::vector<Inode> unheld = holders.unheld(std::move(inodes));
    if (!unheld.empty()) {
        holders.search(unheld, HolderMap::Reach::everywhere, Clock::now() + longest_search);
    }
}

class ProcfsBackend final : public Backend {
public:
    explicit ProcfsBackend(std::vector<Inode> wanted_namespaces) : wanted_namespaces_(std::move(wanted_namespaces)) {}

    /// Holders before the first list and after the last one: a socket that is gone from the last was held at the first.
    BackendResult sample(const SampleRequest& request) override
    {
        HolderMap holders;
        BackendResult result;
        Sample& sample = result.sample;
        sample.backend = "procfs";
        sample.started_at = std::chrono::system_clock::now();
        holders.set_look(request.look);
        holders.scan();
        ProcSockets first;
        if (request.window == 0ns) {
            sample.interfaces = read_interfaces();
        } else {
            const auto begun = Clock::now();
            first = read_proc_sockets(ProcLists::all);
            sample.started_at = std::chrono::system_clock::now();
            const auto interfaces = read_interfaces();
            wait_until(begun + request.window, request);
            sample.interfaces = interface_deltas(interfaces, read_interfaces());
            sample.duration = Clock::now() - begun;
        }
        const ProcSockets last = read_proc_sockets(ProcLists::all);
        holders.rescan();
        sample.flows = flows_of(first.sockets, last.sockets);
        place(sample.flows);
        find_holders(holders, sample.flows);

        sample.notes.push_back(no_bytes_note());
        if (request.interrupt->signal() != 0) {
            sample.notes.push_back({"interrupted", "a signal ended the window early", "", true, Note::About::window});
        }
        add_garbled_note(sample.notes, first.garbled + last.garbled);
        add_unread_note(sample.notes, holders.failed());
        add_namespaces_note(sample.notes, wanted_namespaces_);
        sample.holders = holders.take_holders();
        sample.processes = holders.take_processes();
        result.viewer = {Uid{::geteuid()}, holders.denied() > 0 || ::geteuid() != 0};
        return result;
    }

    std::vector<Note> limits() const override
    {
        std::vector<Note> limits{no_bytes_note()};
        limits.push_back({"other-netns", "sees the current network namespace only", std::string(netns_remedy), false});
        add_denied_limit(limits);
        return limits;
    }

private:
    std::vector<Inode> wanted_namespaces_;
};

} // namespace

OpenResult open_procfs(const BackendOptions& options)
{
    if (::access("/proc/self/stat", R_OK) != 0 || read_proc_sockets(ProcLists::tcp_and_udp).missing) {
        return Unavailable{"/proc does not list processes and sockets", "mount -t proc proc /proc"};
    }
    return std::make_unique<ProcfsBackend>(options.namespaces);
}

} // namespace socktally
