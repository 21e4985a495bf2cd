// SPDX-License-Identifier: MIT
// Which process holds which socket, read from /proc/PID/fd: once for all processes, then again for those that are
// likely to hold what is new. For the backends whose counters do not name a process. Knows inodes, not protocols.
#pragma once

#include "linux/fd.hpp"
#include "linux/netns.hpp"
#include "linux/trace.hpp"
#include "model/flow.hpp"
#include "owners/fd_table.hpp"
#include "owners/holds.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace socktally {

class HolderMap {
public:
    using Clock = std::chrono::steady_clock;

    /// What is read where both can be: bpf shows the processes of all users without privilege over them; cheapest takes
    /// it only where it is quicker than /proc.
    enum class Source : std::uint8_t { cheapest, bpf };
    /// `proc` is where /proc is; another place for tests. Throws where it cannot be opened.
    explicit HolderMap(const std::string& proc = "/proc", Source source = Source::cheapest, Trace trace = {});

    /// `look` is called with each process that turns out to hold a socket, at once, and again when it has become
    /// another program: it may be over soon.
    void set_look(std::function<void(Process&)> look) { look_ = std::move(look); }
    /// `look` is called with the cgroup of each socket that is listed in a window. If no holder of a socket is found,
    /// only the cgroup tells whose it is.
    void set_group_look(std::function<void(std::uint64_t cgroup_id)> look) { group_look_ = std::move(look); }
    /// `sockets` is a list of Flow or ListedSocket. Traces `group COOKIE ID` once a window for each.
    template <typename Sockets>
    void look_at_groups(const Sockets& sockets)
    {
        for (const auto& socket : sockets) {
            if (group_look_) {
                group_look_(socket.cgroup_id);
            }
            if (trace_ && socket.cgroup_id != 0 && traced_groups_.insert(socket.cookie.value).second) {
                trace_("group {} {}", socket.cookie.value, socket.cgroup_id);
            }
        }
    }

    /// Calls `meanwhile` between processes, because looking at all of them takes a while.
    void set_meanwhile(std::function<void()> meanwhile) { meanwhile_ = std::move(meanwhile); }

    /// No rescan() will follow the scan, so it need not know which processes run in between.
    void expect_no_rescan() { rescan_follows_ = false; }

    /// Lists the descriptors of every process.
    void scan();
    /// The same once more, adding what is new. Leaves out processes that have not run since they were last looked at:
    /// nothing can have changed in their tables.
    void rescan();

    /// Looks for the holders of sockets that are new, in the likeliest processes first, until all are found or time is
    /// up: new processes; those that lately opened or closed a socket; those whose number of files has changed; with
    /// Reach::everywhere also all others, and threads with a descriptor table of their own. New processes are looked at
    /// anyway, and the parents of those who were found: what is held before a fork is held by both after it.
    enum class Reach : std::uint8_t { likely, everywhere };
    /// Returns false if time ran out before every possible holder was looked at.
    bool search(const std::vector<Inode>& wanted, Reach reach, Clock::time_point deadline);

    /// Looks again at the holders that search() found, at ever longer intervals: a server may have handed the socket
    /// on, and a process may have become another program by exec, and be over before it is looked at again. The
    /// result, sorted, is what is not there any more: closed, or handed on.
    std::vector<Inode> confirm(Clock::time_point now);
    /// Of those, a socket that is open: unheld until it is found again. Then its former holder is one of its holders;
    /// where it never is, nobody is, for who knows which of them moved its bytes.
    void handed_on(Inode inode)
    {
        holds_.hand_on(inode);
        trace_("handed on: socket:[{}]", inode.value);
        forget_traced(inode);
    }
    /// Before that nothing is due; time_point::max() where nothing was found yet.
    Clock::time_point next_confirm() const { return next_confirm_; }

    /// A socket was closed: its process is a likely holder of the next one.
    void closed(Inode inode);
    /// A closed socket will not be asked for again.
    void forget(Inode inode);

    bool held(Inode inode) const { return holds_.held(inode); }
    /// Returns the sockets that processes held when they were last looked at and that are not in `listed`, which is
    /// sorted.
    std::vector<std::pair<Pid, std::vector<Inode>>> held_besides(const std::vector<Inode>& listed) const;
    /// Those of `inodes` that no process was seen to hold in this window. Quick for many at once.
    std::vector<Inode> unheld(std::vector<Inode> inodes) const { return holds_.unheld(std::move(inodes)); }
    /// All processes that were seen to hold it, as indices for holding_processes().
    std::vector<std::uint32_t> holders_of(Inode inode) const { return holds_.holders_of(inode); }
    /// These sockets are open, and nobody is found who holds them: who did before this window moves nothing with them.
    void disown(std::vector<Inode> inodes) { holds_.disown(std::move(inodes)); }
    /// Seen once, by search(), and not confirmed.
    bool unconfirmed(Inode inode) const { return unconfirmed_.contains(inode.value); }
    /// An accepted connection that was seen once at a process and was closed at the next look: a server that forks or
    /// hands over may have given it to another process in between, so nobody is to be named.
    bool is_doubtful(const Flow& flow) const
    {
        return flow.state != SocketState::open && flow.accepted && unconfirmed(flow.inode);
    }

    const Trace& trace() const { return trace_; }
    /// Traces `owner COOKIE PID` once for each holder of this socket.
    void trace_owners(Cookie cookie, Inode inode);

    /// Processes whose descriptors could not be listed for want of privilege.
    std::size_t denied() const { return denied_.size(); }
    /// Looks that failed for want of descriptors or memory.
    std::size_t failed() const { return failed_; }
    /// When they were last listed, and the network namespaces that they had open when they were last looked at.
    ProcessesSeen processes() const;
    /// Lists them first.
    ProcessesSeen processes_now();

    /// Of a socket that several hold, those that have not run since the scan, and cannot have moved a byte, are idle.
    /// Without a rescan nothing tells that.
    std::vector<Holder> holders() const { return marked(holds_.all()); }
    /// With the names that the processes have by now.
    const std::vector<Process>& holding_processes();
    /// The same, where no window follows: nothing can be asked afterwards. Holders first.
    std::vector<Holder> take_holders() { return marked(holds_.take()); }
    std::vector<Process> take_processes();

    /// To be called before the end of a window that another one follows: who runs from here on is not idle in the next.
    void note_sharers() { next_sharers_ = run_times_of_sharers(); }
    /// Forgets the processes that are over, the sockets that nobody holds, and what was true of the window only; but
    /// who held a socket until now counts among its holders for one more window (Holds::next_window). Indices of
    /// processes are new from here on.
    void next_window();

private:
    /// What is remembered of a process; `directory` is the inode of /proc/PID, which a new process of the same pid does
    /// not share.
    struct Seen {
        std::uint64_t directory = 0;
        std::int64_t files = 0;               // as FdTable::files
        std::optional<SchedStat> ran;         // as FdTable::ran
        std::optional<std::uint32_t> process; // index into the processes of holds_, once it held a socket
        std::vector<std::uint64_t> inodes;    // held at the last look, sorted
        std::vector<NamespaceFd> namespaces;  // likewise
    };
    struct Entry {
        Pid pid;
        std::uint64_t directory = 0;
    };
    struct Sighting {
        Pid pid;
        SocketFd socket;
        Clock::time_point next_look;
        std::chrono::nanoseconds interval{0};
    };
    enum class Look : std::uint8_t { first, again };
    using RunTimes = std::unordered_map<std::uint32_t, SchedStat>; // by process

    std::vector<Entry> list_processes();
    void look_at_all(const std::vector<Entry>& entries, Look look);
    bool look_through_bpf(const std::vector<Entry>& entries, Look look);
    void look_at(const Entry& entry, Look look);
    void look_at_threads(const Entry& entry);
    void add(const Entry& entry, const FdTable& table, Look look);
    void add_process(Seen& seen, const Process& process);
    void refresh(Process& process) const;
    void refresh(Process& process, const Process& now) const;
    /// True where it had no holder.
    bool add_later(const SocketFd& socket, std::uint32_t process, Pid pid, bool known);
    const Seen* seen_of(const Entry& entry) const;
    bool has_not_run(const Entry& entry) const;
    bool known_as_denied(const Entry& entry) const;
    RunTimes run_times_of_sharers() const;
    void forget_ended_processes();
    void forget_former_holders();
    std::vector<Holder> held_now() const;
    std::int64_t count_files(Pid pid) const;
    bool still_holds(const Sighting& sighting) const;
    void forget_sighting(Inode inode);
    bool is_current(const Holder& holder) const;
    void forget_traced(Inode inode)
    {
        traced_.erase(traced_.lower_bound({inode.value, 0}), traced_.lower_bound({inode.value + 1, 0}));
    }
    std::vector<Holder> marked(std::vector<Holder> holders) const;

    Fd proc_;
    std::function<void(Process&)> look_;
    std::function<void()> meanwhile_;
    std::function<void(std::uint64_t)> group_look_;
    Source source_;
    bool bpf_declined_;
    bool rescan_follows_ = true;
    std::vector<std::int32_t> pids_; // as last listed; sorted
    std::int32_t self_ = 0;          // our own pid as this /proc shows it
    std::unordered_map<std::int32_t, Seen> seen_;
    Holds holds_;
    std::unordered_map<std::uint64_t, Sighting> sightings_; // the last one of search(), by inode
    Clock::time_point next_confirm_ = Clock::time_point::max();
    std::unordered_set<std::uint64_t> unconfirmed_;
    RunTimes sharers_;                         // processes that share a socket: what they had run before the window
    RunTimes next_sharers_;                    // likewise, before the next one
    std::unordered_set<std::uint32_t> idle_;   // those of sharers_ that had not run until the rescan
    std::unordered_set<std::uint64_t> wanted_; // by the search under way
    std::unordered_set<std::int32_t> parents_; // pids: of those who were found by it
    std::unordered_map<std::int32_t, Clock::time_point> hot_; // pids: when they last opened or closed a socket
    std::unordered_set<std::int32_t> denied_;
    std::size_t failed_ = 0;
    Trace trace_;
    std::set<std::pair<std::uint64_t, std::int32_t>> traced_; // inodes and pids
    std::unordered_set<std::uint64_t> traced_groups_;         // cookies
};

/// Looks for the holders of these sockets that are not known yet, for half a second at most.
void find_holders(HolderMap& holders, const std::vector<Flow>& flows);

} // namespace socktally
