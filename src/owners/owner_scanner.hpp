// SPDX-License-Identifier: MIT
// Finds which process owns which socket, for backends whose counters do not name a process. Reads descriptor tables
// (/proc/PID/fd or a BPF iterator). Handles sockets by inode and knows no protocols.
//
// A window begins and ends with a scan of all processes. A scan finds the owner of every socket that is open during the
// scan. The owner of a socket that is opened and closed between two scans must be found while the socket is open. So a
// backend lists new sockets often. If no scan has found the owner of a listed socket, the backend searches for the
// owner:
//
//   1. in new processes, in processes that opened or closed a socket in the last seconds, and in processes whose number
//      of files has changed. Each process takes a few microseconds.
//   2. with Reach::everywhere, if owners are still missing: in every process that has run since it was last read, and
//      in threads with a descriptor table of their own.
//
// Each search has a deadline: longest_search within a window, at most last_search at its end. If four complete searches
// do not find the owner of a socket, the socket is given up: no table that we may read has it, because it belongs to
// another user or to the kernel. A search that reaches its deadline counts as a quarter of a complete one. All searches
// of a backend add to the same count, whatever the protocol of the socket.
//
// SearchPace says when sockets are listed: 20 ms after the last list while new sockets appear, else after ever longer
// intervals, up to 500 ms. At 20 ms, every socket that stays open for 50 ms is seen if a list and its search take at
// most 8 ms. After a list and its search, the backend pauses for three times the CPU time that both took. So lists and
// searches take at most a quarter of the time.
//
// confirm() checks each owner that a search has found. The first check comes after 8 ms, the second after another 16
// ms, and so on, because the process may have handed the socket over, or may have started another program. An accepted
// connection may be closed before the first check. Then its owner is in doubt and is not named, because it may have
// handed the connection over before.
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

/// Says when the sockets are listed next, and their owners searched for. The top of this file explains the numbers.
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

/// Measures the CPU time that the calling thread uses from construction on. rested() returns the time at which the
/// pause after a search ends.
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

    /// `proc` is the path of /proc, which tests replace. `files` reads the descriptor tables of all users' processes,
    /// and needs no privilege over these processes. If `files` is null, the scanner loads the BPF iterator itself, but
    /// only when it is faster than /proc. Throws if the directory `proc` cannot be opened.
    explicit OwnerScanner(const std::string& proc = "/proc", std::shared_ptr<const SocketFiles> files = nullptr,
                          Trace trace = {});

    /// Sets a function to call with each process as soon as the process is found to own a socket, because the process
    /// may end soon. The function is called again when the program, name or user of the process has changed.
    void set_identify_process(std::function<void(Process&)> identify) { identify_process_ = std::move(identify); }

    /// Sets a function to call with the cgroup id of each socket that is listed in a window. If the owner of a socket
    /// is not found, only the cgroup shows the unit and container of the socket.
    void set_identify_group(std::function<void(std::uint64_t)> identify) { identify_group_ = std::move(identify); }
    /// Calls the function of set_identify_group() with the cgroup id of each socket. Traces `group COOKIE CGROUP_ID`
    /// once a window for each socket. `sockets` is a list of Flow or Socket.
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

    /// Sets a function to call before each process is read through /proc, so that the caller can do urgent work during
    /// a long scan.
    void set_meanwhile(std::function<void()> meanwhile) { meanwhile_ = std::move(meanwhile); }

    /// Which calls follow scan(). They decide what scan() must note.
    ///   - at_most_threads: none, or a search() with Reach::threads. Needs no notes.
    ///   - search: also a search() with another reach. Needs the number of files that each process has open.
    ///   - rescan: also rescan(). Also needs the time that each process has run.
    enum class Follows : std::uint8_t { at_most_threads, search, rescan };
    void expect(Follows follows) { follows_ = follows; }

    /// Lists the descriptors of every process.
    void scan();
    /// Lists them again, and adds new sockets. Skips processes that have not run since they were last read, because
    /// their tables cannot have changed.
    void rescan();

    /// Returns the sockets that are worth a search: no process was seen to hold them in this window, and they were not
    /// given up.
    std::vector<Inode> worth_searching(std::vector<Inode> sockets) const;
    bool is_given_up(Inode inode) const;
    /// Which descriptor tables search() reads. likely: those of the processes in step 1 at the top of this file.
    /// threads: also those of threads with a table of their own. This is enough if the sockets were listed before
    /// scan(), which reads all processes. everywhere: also those of all processes that have run since they were last
    /// read.
    enum class Reach : std::uint8_t { likely, threads, everywhere };
    /// Searches for the owners of these sockets until all are found or the deadline passes. Always reads new processes.
    /// After a fork, parent and child both hold a socket, so if one process is found to hold a searched socket, its
    /// parent is read too. If an earlier search has missed the owner of one of the sockets, searches everywhere,
    /// whatever `reach` is. The first search for a socket is kept cheap, because on a busy machine many sockets are
    /// closed before it begins. Returns false if the deadline passed before every possible owner was read.
    bool search(const std::vector<Inode>& sockets, Reach reach, Clock::time_point deadline);

    /// Checks the owners that search() has found, if their next check is due. Returns the sockets, sorted, that such an
    /// owner no longer has: they were closed or handed over.
    std::vector<Inode> confirm(Clock::time_point now);
    /// Returns when the next check by confirm() is due; time_point::max() if there is no owner to check.
    Clock::time_point next_confirm() const { return next_confirm_; }
    /// Call it for a socket that confirm() has returned, if the socket is still open: it was handed over. The socket
    /// then has no owner until a search finds its new owner. From then on, the former owner counts as an owner too. If
    /// no search finds a new owner, the bytes of the socket stay unattributed.
    void handed_on(Inode inode);

    /// Call it when a socket was closed. The process that held the socket is a likely owner of the next new socket.
    void closed(Inode inode);
    /// Forgets a socket. Call it only for a closed socket that no later search will be asked for.
    void forget(Inode inode);

    bool held(Inode inode) const { return table_.held(inode); }
    /// Returns for each process the sockets that it held when it was last read, except the sockets in `listed`.
    /// `listed` must be sorted.
    std::vector<std::pair<Pid, std::vector<Inode>>> held_besides(const std::vector<Inode>& listed) const;
    /// Returns the sockets in `inodes` that no process was seen to hold in this window. Faster than held() for many
    /// sockets.
    std::vector<Inode> unheld(std::vector<Inode> inodes) const { return table_.unheld(std::move(inodes)); }
    /// Returns all processes that were seen to hold the socket, as indices into holding_processes().
    std::vector<std::uint32_t> holders_of(Inode inode) const { return table_.holders_of(inode); }
    /// Removes the owners that held these sockets in the last window, but not in this one. Call it for open sockets
    /// that no process is known to hold now.
    void disown(std::vector<Inode> inodes) { table_.disown(std::move(inodes)); }
    /// Returns whether search() has found the owner of the socket, and confirm() has not checked this owner yet.
    bool unconfirmed(Inode inode) const { return unconfirmed_.contains(inode.value); }
    /// Returns whether the owner of the flow's socket is in doubt: the connection was accepted, and was closed before
    /// confirm() checked the owner that search() had found. The owner may have handed the connection to another process
    /// before it was closed.
    bool is_doubtful(const Flow& flow) const
    {
        return flow.state != SocketState::open && flow.accepted && unconfirmed(flow.inode);
    }

    const Trace& trace() const { return trace_; }
    /// Traces `owner COOKIE PID` once for each owner of this socket.
    void trace_owners(Cookie cookie, Inode inode);

    /// Returns the number of processes whose descriptors we may not list.
    std::size_t denied() const { return denied_.size(); }
    /// Returns whether a socket may have an owner that we may not see: the descriptors of a process were denied, or
    /// /proc may hide processes (hidepid) from a user without CAP_SYS_PTRACE.
    bool may_be_denied() const;
    /// Returns how many descriptor tables could not be read because descriptors or memory ran out.
    std::size_t failed() const { return failed_; }
    /// Returns the processes found by the last listing of /proc, and the network namespaces that each process held open
    /// when it was last read.
    ProcessesSeen processes() const;
    /// Lists /proc again, then returns processes().
    ProcessesSeen processes_now();

    /// Returns the holders of all sockets. If some holders of a socket have run between scan() and rescan(), marks its
    /// other holders as idle, because a process that has not run cannot have moved a byte.
    std::vector<Holder> holders() const { return marked(table_.all()); }
    /// Returns the processes that hold sockets, with their current names.
    const std::vector<Process>& holding_processes();
    /// take_holders() and take_processes() return the same as holders() and holding_processes(), but move the data out.
    /// Call take_holders() first, then take_processes(), and then no other function.
    std::vector<Holder> take_holders() { return marked(table_.take()); }
    std::vector<Process> take_processes();

    /// Call it before the end of a window if another window follows. Records the run times of processes that share
    /// sockets. A process that runs after this call does not count as idle in the next window.
    void note_sharers() { next_sharers_ = run_times_of_sharers(); }
    /// Forgets the processes that have ended, the sockets without an owner, and the facts of the last window. A process
    /// that has held a socket until now stays its owner for one more window (OwnerTable::next_window()). Processes get
    /// new indices.
    void next_window();

private:
    /// The known facts about a process. `directory` is the inode of the directory /proc/PID. If another process gets
    /// the same pid, its directory has another inode.
    struct Seen {
        std::uint64_t directory = 0;
        std::int64_t files = 0;               // see FdTable::files
        std::optional<SchedStat> ran;         // see FdTable::ran
        std::optional<std::uint32_t> process; // index of the process in table_; null: it has not held a socket yet
        std::vector<std::uint64_t> inodes;    // sockets that the process held when it was last read, sorted
        std::vector<NamespaceFd> namespaces;  // namespaces that the process held open when it was last read
    };
    struct Entry {
        Pid pid;
        std::uint64_t directory = 0;
    };
    /// The place where a search has found a socket: the process and the descriptor.
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
    void note_denied();
    /// Returns whether /proc shows us what processes of all users hold, unless a security module hides it.
    static bool may_read_all();
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
    std::shared_ptr<const SocketFiles> files_; // null until the iterator is loaded
    bool is_bpf_given_;
    bool is_bpf_declined_;
    bool scanned_through_bpf_ = false;
    Follows follows_ = Follows::rescan;
    std::vector<std::int32_t> pids_; // pids of all processes at the last listing of /proc, sorted
    std::int32_t self_ = 0;          // pid of socktally in this /proc
    std::unordered_map<std::int32_t, Seen> seen_;
    OwnerTable table_;
    std::unordered_map<std::uint64_t, OwnerSighting> sightings_; // where a search last found each socket, by inode
    Clock::time_point next_confirm_ = Clock::time_point::max();
    std::unordered_set<std::uint64_t> unconfirmed_;
    /// The cost of all searches that did not find the owner of one socket.
    struct Cost {
        int spent = 0;
        mutable int unasked = 0; // number of windows since a backend last asked for the owner
    };
    std::unordered_map<std::uint64_t, Cost> costs_;
    RunTimes sharers_;                           // run times of processes with shared sockets, when this window began
    RunTimes next_sharers_;                      // run times of such processes, for sharers_ of the next window
    std::unordered_set<std::uint32_t> idle_;     // processes of sharers_ that had not run when rescan() was called
    std::unordered_set<std::uint64_t> searched_; // inodes whose owner the current search has not found yet
    /// The process at which the last search reached its deadline. The next search begins with this process. If every
    /// search began with the first process, searches on a busy machine would never reach the last one.
    Pid resume_at_{};
    std::unordered_set<std::int32_t> parents_; // parents of processes in which the current search found a socket
    std::unordered_map<std::int32_t, Clock::time_point> hot_; // when each process last opened or closed a socket
    std::unordered_set<std::int32_t> denied_;
    std::size_t failed_ = 0;
    Trace trace_;
    std::set<std::pair<std::uint64_t, std::int32_t>> traced_; // inodes and pids
    std::unordered_set<std::uint64_t> traced_groups_;         // cookies
};

/// Remembers the sockets that OwnerScanner::confirm() has returned. If a later list of open sockets has the socket, its
/// owner has handed it over. If no list has it within longest_wait, it was closed. One list may not be enough, because
/// a search may find a socket before any list has it.
class MissedSockets {
public:
    using Clock = OwnerScanner::Clock;
    static constexpr std::chrono::nanoseconds longest_wait = std::chrono::seconds(1);

    void add(const std::vector<Inode>& missed, Clock::time_point now);
    /// Returns the remembered sockets, sorted. Forgets sockets that were added more than longest_wait ago.
    std::vector<Inode> waiting(Clock::time_point now);
    /// Forgets a socket. Call it when a list has shown that the socket is open.
    void forget(Inode inode) { since_.erase(inode); }

private:
    std::map<Inode, Clock::time_point> since_;
};

/// Searches for the owners of the sockets that have no known owner, for at most last_search.
void find_owners(OwnerScanner& owners, std::vector<Inode> sockets,
                 OwnerScanner::Reach reach = OwnerScanner::Reach::everywhere);

/// If the processes of other users cannot be read, adds a note about this to the limits that doctor prints.
void add_denied_limit(std::vector<Note>& limits);

} // namespace socktally
