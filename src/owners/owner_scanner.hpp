// SPDX-License-Identifier: MIT
// Finds which process owns which socket, from /proc/PID/fd, for backends whose counters do not name a process. It knows
// inodes, not protocols.
//
// A window begins and ends with a scan of all processes, which shows the owner of every socket that lives long enough.
// The owner of a socket that is opened in between must be found while the socket is open. So a backend lists new
// sockets often, and searches for owners that no scan has shown:
//
//   1. in new processes, in those that opened or closed a socket lately, and in those whose number of files has
//      changed: a few microseconds each;
//   2. if sockets are still missing (Reach::everywhere), in every process that has run since it was last read, and in
//      threads with a descriptor table of their own.
//
// Each search has a deadline (longest_search; last_search after the last window). If four complete searches do not find
// a socket, it is given up: it is in no table that we may read (another user's, or the kernel's). A search that runs
// out of time counts as a quarter. All searches of one backend share these counts, for all protocols.
//
// SearchPace says how often sockets are listed: 20 ms after the last list while new sockets appear, else ever less
// often, up to 500 ms. With 20 ms a socket is seen if it is open for 50 ms, on a machine where list and search take up
// to 8 ms. After a list and its search there is a pause of three times their CPU time, so they take at most a quarter
// of the time.
//
// An owner that a search has found is read again after 8 ms, 16 ms, and so on (confirm()): a server may have handed the
// socket over, or the process may have become another program. An accepted connection that is closed before the second
// reading may have been handed over in between, so its owner is in doubt and is not named.
#pragma once

#include "linux/clocks.hpp"
#include "linux/fd.hpp"
#include "linux/netns.hpp"
#include "linux/trace.hpp"
#include "model/sample.hpp"
#include "owners/fd_table.hpp"
#include "owners/owner_table.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace socktally {

/// When sockets are listed, and their owners searched for, the next time. See above.
struct SearchPace {
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::nanoseconds shortest = std::chrono::milliseconds(20);
    static constexpr std::chrono::nanoseconds longest = std::chrono::milliseconds(500);

    std::chrono::nanoseconds interval{0};
    Clock::time_point last{};

    Clock::time_point next() const { return last + interval; }
    void hurry() { interval = shortest; }
    void slow_down() { interval = std::min(2 * std::max(interval, shortest), longest); }
};

/// Measures the CPU time of a search since its construction, and the pause that must follow.
class SearchCost {
public:
    std::chrono::nanoseconds used() const { return thread_cpu_time() - begun_; }
    SearchPace::Clock::time_point rested() const { return SearchPace::Clock::now() + rest_share * used(); }

    static constexpr int rest_share = 3;

private:
    std::chrono::nanoseconds begun_ = thread_cpu_time();
};

inline constexpr std::chrono::nanoseconds longest_search = std::chrono::milliseconds(50);
inline constexpr std::chrono::nanoseconds last_search = std::chrono::milliseconds(500);

class OwnerScanner {
public:
    using Clock = std::chrono::steady_clock;

    /// `proc` is the path of /proc, which tests replace. `files` shows the processes of all users without privilege
    /// over them; if null, it is loaded when it is faster than /proc. Throws if /proc cannot be opened.
    explicit OwnerScanner(const std::string& proc = "/proc", std::shared_ptr<const SocketFiles> files = nullptr,
                          Trace trace = {});

    /// Sets a function that is called with each process that is found to own a socket, at once because the process may
    /// end soon, and again when the process has become another program.
    void set_identify_process(std::function<void(Process&)> identify) { identify_process_ = std::move(identify); }

    /// Sets a function that is called with the cgroup of each socket listed in a window. If the owner of a socket is
    /// not found, only the cgroup shows its unit and container.
    void set_identify_group(std::function<void(std::uint64_t)> identify) { identify_group_ = std::move(identify); }
    /// `sockets` is a list of Flow or Socket. Traces `group COOKIE ID` for each, once a window.
    template <typename Sockets>
    void identify_groups(const Sockets& sockets)
    {
        for (const auto& socket : sockets) {
            if (identify_group_) {
                identify_group_(socket.cgroup_id);
            }
            if (trace_ && socket.cgroup_id != 0 && traced_groups_.insert(socket.cookie.value).second) {
                trace_("group {} {}", socket.cookie.value, socket.cgroup_id);
            }
        }
    }

    /// Sets a function that is called between processes, because reading all of them takes a while.
    void set_meanwhile(std::function<void()> meanwhile) { meanwhile_ = std::move(meanwhile); }

    /// What follows the scan. A rescan needs to know how much each process has run, a search everywhere how many files
    /// it had open.
    enum class Follows : std::uint8_t { at_most_threads, search, rescan };
    void expect(Follows follows) { follows_ = follows; }

    /// Lists the descriptors of every process.
    void scan();
    /// Lists them again, and adds new sockets. Skips processes that have not run since they were last read, because
    /// their tables cannot have changed.
    void rescan();

    /// Returns the sockets that a search may find: no process was seen to hold them in this window, and they are not
    /// given up.
    std::vector<Inode> worth_searching(std::vector<Inode> sockets) const;
    bool is_given_up(Inode inode) const;
    /// `threads`: the likely processes, and threads with a table of their own. That is enough if the sockets were
    /// listed before the scan.
    enum class Reach : std::uint8_t { likely, threads, everywhere };
    /// Searches for the owners of these sockets until all are found or the deadline passes. Always reads new processes,
    /// and the parents of processes it has found, because a fork leaves a socket to both. Searches everywhere if one of
    /// the sockets was searched for before; on a busy machine a few sockets are always closed before their first
    /// search. Returns false if time ran out before every possible owner was read.
    bool search(const std::vector<Inode>& sockets, Reach reach, Clock::time_point deadline);

    /// Reads the owners that search() has found again, if that is due. Returns the sorted sockets that these owners no
    /// longer have, because they were closed or handed over.
    std::vector<Inode> confirm(Clock::time_point now);
    /// Returns when the next reading is due; time_point::max() if no owner waits for one.
    Clock::time_point next_confirm() const { return next_confirm_; }
    /// Call it if such a socket is still open. The socket then has no owner until a search finds one; its former owner
    /// counts as an owner too then. If no new owner is found, the bytes stay unattributed.
    void handed_on(Inode inode);

    /// Call it if a socket was closed: its process is a likely owner of the next one.
    void closed(Inode inode);
    /// Forgets a closed socket, which is not searched for again.
    void forget(Inode inode);

    bool held(Inode inode) const { return table_.held(inode); }
    /// Returns the sockets that processes held at their last reading, without those in `listed`, which is sorted.
    std::vector<std::pair<Pid, std::vector<Inode>>> held_besides(const std::vector<Inode>& listed) const;
    /// Returns the `inodes` that no process was seen to hold in this window. Fast for many at once.
    std::vector<Inode> unheld(std::vector<Inode> inodes) const { return table_.unheld(std::move(inodes)); }
    /// Returns all processes that were seen to hold the socket, as indices of holding_processes().
    std::vector<std::uint32_t> holders_of(Inode inode) const { return table_.holders_of(inode); }
    /// Removes holders from before this window: these sockets are open, but nobody is known to hold them now.
    void disown(std::vector<Inode> inodes) { table_.disown(std::move(inodes)); }
    /// Returns whether search() has seen the owner only once, so that it is not confirmed.
    bool unconfirmed(Inode inode) const { return unconfirmed_.contains(inode.value); }
    /// Returns whether the owner is in doubt: the connection was accepted, its owner was seen once, and it was closed
    /// before the second reading. A server that forks or hands over may have given it to another process in between.
    bool is_doubtful(const Flow& flow) const
    {
        return flow.state != SocketState::open && flow.accepted && unconfirmed(flow.inode);
    }

    const Trace& trace() const { return trace_; }
    /// Traces `owner COOKIE PID` once for each owner of this socket.
    void trace_owners(Cookie cookie, Inode inode);

    /// Returns the number of processes whose descriptors may not be listed.
    std::size_t denied() const { return denied_.size(); }
    /// Returns whether a process that was not seen may own a socket: descriptors were denied, or /proc may hide
    /// processes (hidepid) from a user without CAP_SYS_PTRACE.
    bool may_be_denied() const;
    /// Returns the number of readings that failed because descriptors or memory ran out.
    std::size_t failed() const { return failed_; }
    /// Returns the processes of the last list, and the network namespaces that each had open at its last reading.
    ProcessesSeen processes() const;
    /// Lists the processes again, then returns them.
    ProcessesSeen processes_now();

    /// Returns the holders of all sockets. If a socket has several, those that have not run since the scan are marked
    /// idle: they cannot have moved a byte. Only a rescan shows this.
    std::vector<Holder> holders() const { return marked(table_.all()); }
    /// Returns the processes with their current names.
    const std::vector<Process>& holding_processes();
    /// The same, sorted by inode, if no window follows: nothing can be asked afterwards. Holders first.
    std::vector<Holder> take_holders() { return marked(table_.take()); }
    std::vector<Process> take_processes();

    /// Call it before the end of a window that another one follows: a process that runs from here on is not idle in the
    /// next window.
    void note_sharers() { next_sharers_ = run_times_of_sharers(); }
    /// Forgets processes that have ended, sockets without an owner, and facts of the last window. A process that held a
    /// socket until now stays an owner for one more window (OwnerTable::next_window()). Indices of processes change.
    void next_window();

private:
    /// Facts about a process. `directory` is the inode of /proc/PID, which a new process with the same pid does not
    /// have.
    struct Seen {
        std::uint64_t directory = 0;
        std::int64_t files = 0;               // see FdTable::files
        std::optional<SchedStat> ran;         // see FdTable::ran
        std::optional<std::uint32_t> process; // index in table_; null until it has held a socket
        std::vector<std::uint64_t> inodes;    // sockets at its last reading, sorted
        std::vector<NamespaceFd> namespaces;  // at its last reading
    };
    struct Entry {
        Pid pid;
        std::uint64_t directory = 0;
    };
    /// Where a search has found a socket.
    struct OwnerSighting {
        Pid pid;
        SocketFd socket;
        Clock::time_point next_check;
        std::chrono::nanoseconds interval{0};
    };
    enum class Scan : std::uint8_t { first, again };
    using RunTimes = std::unordered_map<std::uint32_t, SchedStat>; // by process

    std::vector<Entry> list_processes();
    void read_all(const std::vector<Entry>& entries, Scan scan);
    bool read_through_bpf(const std::vector<Entry>& entries, Scan scan);
    bool is_cheaper_through_bpf(const std::vector<Entry>& entries) const;
    void read(const Entry& entry, Scan scan);
    void read_threads(const Entry& entry);
    void add(const Entry& entry, const FdTable& table, Scan scan);
    void add_process(Seen& seen, const Process& process);
    void refresh(Process& process) const;
    void refresh(Process& process, const Process& now) const;
    bool add_later(const SocketFd& socket, std::uint32_t process, Pid pid, bool known);
    void count_search(std::vector<Inode> sockets, bool is_finished);
    const Seen* seen_of(const Entry& entry) const;
    bool has_not_run(const Entry& entry) const;
    bool known_as_denied(const Entry& entry) const;
    RunTimes run_times_of_sharers() const;
    void forget_ended_processes();
    void forget_former_holders();
    std::vector<Holder> held_now() const;
    std::int64_t count_files(Pid pid) const;
    bool still_holds(const OwnerSighting& sighting) const;
    void forget_sighting(Inode inode);
    bool is_current(const Holder& holder) const;
    void forget_traced(Inode inode)
    {
        traced_.erase(traced_.lower_bound({inode.value, 0}), traced_.lower_bound({inode.value + 1, 0}));
    }
    std::vector<Holder> marked(std::vector<Holder> holders) const;

    Fd proc_;
    std::function<void(Process&)> identify_process_;
    std::function<void()> meanwhile_;
    std::function<void(std::uint64_t)> identify_group_;
    std::shared_ptr<const SocketFiles> files_; // null until it is loaded
    bool is_bpf_given_;
    bool is_bpf_declined_;
    bool scanned_through_bpf_ = false;
    Follows follows_ = Follows::rescan;
    std::vector<std::int32_t> pids_; // of the last list, sorted
    std::int32_t self_ = 0;          // our own pid in this /proc
    std::unordered_map<std::int32_t, Seen> seen_;
    OwnerTable table_;
    std::unordered_map<std::uint64_t, OwnerSighting> sightings_; // the last sighting by search(), by inode
    Clock::time_point next_confirm_ = Clock::time_point::max();
    std::unordered_set<std::uint64_t> unconfirmed_;
    /// The searches that did not find a socket, by its inode.
    struct Cost {
        int spent = 0;
        mutable int unasked = 0; // windows without a search for it
    };
    std::unordered_map<std::uint64_t, Cost> costs_;
    RunTimes sharers_;                           // run times, at the start, of processes that share a socket
    RunTimes next_sharers_;                      // the same for the next window
    std::unordered_set<std::uint32_t> idle_;     // those of sharers_ that had not run by the rescan
    std::unordered_set<std::uint64_t> searched_; // inodes that the current search has not found yet
    /// The process at which the last search ran out of time. The next search continues there; else, on a busy machine,
    /// all searches would read the same first processes.
    Pid resume_at_{};
    std::unordered_set<std::int32_t> parents_;                // pids of parents of found processes
    std::unordered_map<std::int32_t, Clock::time_point> hot_; // by pid: when it last opened or closed a socket
    std::unordered_set<std::int32_t> denied_;
    std::size_t failed_ = 0;
    Trace trace_;
    std::set<std::pair<std::uint64_t, std::int32_t>> traced_; // inodes and pids
    std::unordered_set<std::uint64_t> traced_groups_;         // cookies
};

/// Sockets that their owners no longer have (OwnerScanner::confirm()), and that no list has shown to be open since. A
/// socket that was found while another was searched for may not be listed yet, so each waits for the next lists. After
/// that it is listed, or it is closed.
class MissedSockets {
public:
    using Clock = OwnerScanner::Clock;
    static constexpr std::chrono::nanoseconds longest_wait = std::chrono::seconds(1);

    void add(const std::vector<Inode>& missed, Clock::time_point now);
    /// Returns the sorted sockets that still wait. Forgets those that have waited too long.
    std::vector<Inode> waiting(Clock::time_point now);
    /// Call it if a list has shown the socket to be open.
    void forget(Inode inode) { since_.erase(inode); }

private:
    std::map<Inode, Clock::time_point> since_;
};

/// Searches for the unknown owners of these sockets, for last_search at most.
void find_owners(OwnerScanner& owners, std::vector<Inode> sockets,
                 OwnerScanner::Reach reach = OwnerScanner::Reach::everywhere);

/// Adds the limit that doctor prints if the processes of other users cannot be read.
void add_denied_limit(std::vector<Note>& limits);

} // namespace socktally
