// SPDX-License-Identifier: MIT
#include "traffic/backend.hpp"

#include "linux/interfaces.hpp"
#include "linux/interrupt.hpp"
#include "linux/privileges.hpp"
#include "owners/owner_scanner.hpp"
#include "sockets/proc_net.hpp"
#include "traffic/faults.hpp"
#include "traffic/listed_sockets.hpp"
#include "traffic/namespaces.hpp"
#include "traffic/window_clock.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <string_view>
#include <utility>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t files_besides = 64;

Note no_bytes_note() { return Note(NoteCode::no_bytes); }

/// The socket lists of one network namespace, at the start and at the end of the window.
struct Place {
    Inode netns;
    ProcSocketFiles files;
    ProcSockets first{};
    ProcSockets last{};
};

/// Opens the lists of a namespace through /proc/PID/net, without entering the namespace. Returns null if that fails.
std::optional<ProcSocketFiles> files_of_process(const NetworkNamespace& space)
{
    constexpr std::string_view suffix = "/ns/net";
    if (!space.path.starts_with("/proc/") || !space.path.ends_with(suffix)) {
        return std::nullopt;
    }
    ProcSocketFiles files(ProcLists::all, space.path.substr(0, space.path.size() - suffix.size()) + "/net");
    const bool is_same = netns_inode(space.path) == space.inode; // after opening, because the pid may be reused
    return is_same && !files.is_empty() ? std::optional(std::move(files)) : std::nullopt;
}

class ProcfsBackend final : public Backend {
public:
    explicit ProcfsBackend(const BackendOptions& options)
        : wanted_namespaces_(options.namespaces), keeps_facts_(options.facts), trace_(options.trace)
    {
    }

    /// Reads the holders of sockets before the first list and after the last list. (A socket that is only in the first
    /// list has no holder after the last one.) The last list of a window is also the first list of the next window.
    BackendResult sample(const SampleRequest& request) override
    {
        OwnerScanner holders("/proc", nullptr, trace_);
        BackendResult result;
        Sample& sample = result.sample;
        sample.backend = "procfs";
        sample.started_at = std::chrono::system_clock::now();
        holders.set_identify_process(request.identify_process);
        holders.scan();
        const std::size_t refused = open_lists(holders.processes());
        if (request.window == 0ns) {
            sample.interfaces = read_interface_counters();
        } else {
            if (clock_.is_first()) {
                interfaces_ = read_interfaces();
            }
            const auto end = clock_.begin(request.window);
            read_first_lists();
            wait_until(end, request);
            take_interface_deltas(interfaces_, sample);
            clock_.end(sample, how_ended(request));
        }
        read_last_lists();
        if (request.window != 0ns) { // without a window, no holder can count as idle
            holders.rescan();
        }
        const std::size_t garbled = add_flows(sample.flows);
        find_owners(holders, inodes_of(sample.flows));

        sample.notes.push_back(no_bytes_note());
        Faults faults;
        faults[Fault::interrupted] = request.interrupt->signal() != 0 ? 1 : 0;
        faults[Fault::owners_unread] = holders.failed();
        faults[Fault::garbled] = garbled;
        add_notes(sample.notes, faults);
        add_refused_namespaces(sample, refused);
        sample.holders = holders.take_holders();
        sample.processes = holders.take_processes();
        result.viewer = {Uid{::geteuid()}, holders.may_be_denied()};
        return result;
    }

    std::vector<Note> limits() const override
    {
        std::vector<Note> limits{no_bytes_note()};
        limits.front().remedy.clear(); // the remedy is to run doctor, but doctor itself prints this
        add_namespaces_limit(limits);
        add_denied_limit(limits);
        return limits;
    }

private:
    /// Opens the socket lists of each namespace. Returns the number of namespaces that could not be entered.
    std::size_t open_lists(const ProcessesSeen& seen)
    {
        for (Place& place : places_) {
            previous_.emplace(place.netns, std::move(place.last));
        }
        places_.clear();
        const Inode own = own_namespace();
        if (is_wanted(own, wanted_namespaces_)) {
            places_.push_back({own, ProcSocketFiles(ProcLists::all)});
        }
        std::vector<NetworkNamespace> others = other_namespaces(wanted_namespaces_, seen);
        allow_open_files(others.size() * ProcSocketFiles::files + files_besides);
        std::erase_if(others, [this](const NetworkNamespace& space) {
            auto files = files_of_process(space);
            if (files) {
                places_.push_back({Inode{space.inode}, std::move(*files)});
            }
            return files.has_value();
        });
        return enter_each(others, ProcSocketFiles::files, [this](Inode netns) {
            places_.push_back({netns, ProcSocketFiles(ProcLists::all)});
        });
    }

    void read_first_lists()
    {
        for (Place& place : places_) {
            const auto before = previous_.find(place.netns);
            place.first = before != previous_.end() ? std::move(before->second) : place.files.read();
        }
    }

    void read_last_lists()
    {
        previous_.clear();
        for (Place& place : places_) {
            place.last = place.files.read();
        }
    }

    /// Adds the flows of all namespaces to `flows`. Returns the number of invalid lines in the lists.
    std::size_t add_flows(std::vector<Flow>& flows) const
    {
        std::size_t garbled = 0;
        for (const Place& place : places_) {
            for (Flow& flow : flows_of(place.first.sockets, place.last.sockets, keeps_facts_)) {
                flow.netns = place.netns;
                flows.push_back(flow);
            }
            garbled += place.first.garbled + place.last.garbled;
        }
        return garbled;
    }

    std::vector<Inode> wanted_namespaces_;
    bool keeps_facts_;
    std::vector<Place> places_;               // of this window
    std::map<Inode, ProcSockets> previous_{}; // the last list of each namespace in the previous window
    InterfaceCounters interfaces_{};
    Trace trace_;
    WindowClock clock_{};
};

} // namespace

OpenResult open_procfs(const BackendOptions& options)
{
    if (::access("/proc/self/stat", R_OK) != 0 || read_proc_sockets(ProcLists::tcp_and_udp).missing) {
        return Unavailable{"/proc does not list processes and sockets", "mount -t proc proc /proc"};
    }
    if (options.counters) {
        return Unavailable{"it cannot count bytes", ""};
    }
    return std::make_unique<ProcfsBackend>(options);
}

} // namespace socktally
