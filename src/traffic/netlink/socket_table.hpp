// SPDX-License-Identifier: MIT
// The TCP sockets of a window, keyed by cookie: what each had moved at the start, and what at its end. Pure.
// Rows come in from the first dump, from lists during the window, from destroy events and from the last dump, which is
// the first one of the next window.
#pragma once

#include "model/flow.hpp"
#include "sockets/sock_diag.hpp"
#include "traffic/snapshot.hpp"

#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace socktally {

class SocketTable {
public:
    /// With `Facts::kept`, each flow that is counted has Flow::facts.
    enum class Facts : std::uint8_t { left_out, kept };
    explicit SocketTable(Facts facts = Facts::left_out) : facts_(facts) {}

    /// Reserves room for this many sockets, up to a limit: growing by doubling would need three times as much
    /// memory.
    void reserve(std::size_t sockets);

    /// A repeat within one dump means that the dump was disturbed and may have missed others.
    using Row = DumpRow;
    /// Call before each dump, so that a second dump's rows are not taken for repeats of the first one's.
    void begin_dump();

    /// Time since the first dump began. A socket that the first dump did not show and that has been idle for longer was
    /// there all the same (a dead connection whose descriptor is still open is in no dump) and has moved nothing in the
    /// window.
    using Age = std::chrono::milliseconds;

    Row at_start(const Socket& socket);
    void during(const Socket& socket);
    /// A destroy event. If its socket was never seen, its connection was opened and closed in the window, unless the
    /// window had not begun. One of a socket that the last dump has shown belongs to the next window. Gives the flow as
    /// it ended, until the next change of the table; null where there is nothing to say of it.
    enum class Phase : std::uint8_t { opening, open };
    const Flow* destroyed(const Socket& socket, Phase phase, Age age);
    Row at_end(const Socket& socket, Age age);

    /// Drops a destroyed socket whose flow has been accounted for elsewhere.
    void forget(Cookie cookie);

    /// Returns sockets that were seen earlier, are neither in the last dump nor destroyed, and are not given up.
    std::vector<const Flow*> missing() const;
    /// Returns the number of sockets that were missing and came back: some of their bytes may be from windows that
    /// ended without them.
    std::size_t late() const { return late_; }
    /// Inodes of sockets that a process has to hold: neither destroyed nor closed.
    std::vector<Inode> live_inodes() const;
    /// The same for the sockets of these inodes, which are sorted.
    std::vector<const Flow*> live(const std::vector<Inode>& inodes) const;
    /// Returns the inodes that were live in the last dump.
    std::vector<Inode> listed_inodes() const;
    /// Adds the inodes of all that the table has, and of the listeners in the last dump.
    void add_listed(std::vector<Inode>& inodes) const;
    /// Returns whether the table has no connection, and no socket that could accept one.
    bool is_empty() const { return flows_.empty() && listening_.none(); }
    /// Live sockets without inode that an accept may still give one.
    bool has_unaccepted() const;
    bool moved_bytes() const;
    /// Connections for which the kernel gives no counters (before Linux 4.9).
    std::size_t without_counters() const { return without_counters_; }

    /// Connections opened in the window that were seen.
    std::size_t opened() const { return opened_; }
    /// Sockets whose counters were reset within the window: bytes before the reset are lost.
    std::size_t resets() const { return resets_; }

    const std::vector<Flow>& flows() const { return flows_; }
    /// Adds the counters of the sockets in the last dump.
    void add_to(Snapshot& snapshot, Inode netns) const;
    /// Takes the flows out; the table cannot be used afterwards.
    std::vector<Flow> take_flows() { return std::move(flows_); }

    /// The next window begins where this one ended: what a socket is counted up to is its base, what was destroyed is
    /// forgotten. One that is missing keeps its base, for its event may come yet; it is given up when it is missing
    /// twice, and forgotten too if events are known to be `lost`: else it is dead, and its event comes when its
    /// process closes it. How many were forgotten so.
    enum class Events : std::uint8_t { complete, lost };
    std::size_t next_window(Events events);

private:
    /// How far a socket is counted in this window.
    enum class Counted : std::uint8_t { no, to_last_dump, to_its_end };
    struct Tracked {
        SocketCounters base;
        bool has_base = false; // the first dump showed it
        bool peer_closed = false;
        Counted counted = Counted::no;
        std::uint8_t missed = 0; // windows that ended without it, up to most_missed
        std::uint16_t dump = 0;  // the last one that showed it
    };

    std::size_t add(const Socket& socket);
    Row mark(std::size_t index);
    bool accepted(const Socket& socket) const;
    void update(std::size_t index, const Socket& socket);
    void finish(std::size_t index, const Socket& socket, Age age);
    void move(std::size_t from, std::size_t to);
    bool has_counters(const Socket& socket);

    Facts facts_;
    std::vector<Flow> flows_;
    std::vector<Tracked> tracked_; // parallel to flows_
    std::unordered_map<std::uint64_t, std::uint32_t> by_cookie_;
    std::vector<Socket> of_next_window_;  // events that belong to the next window
    std::bitset<65536> listening_;        // ports, at any time of the window
    std::bitset<65536> listed_listening_; // those of the last dump
    std::vector<Inode> listeners_;        // the same
    std::uint16_t dump_ = 0;
    std::size_t opened_ = 0;
    std::size_t resets_ = 0;
    std::size_t late_ = 0;
    std::size_t without_counters_ = 0;
};

/// The UDP sockets of a window, keyed by cookie: those of both dumps, so one that was closed in between is still
/// listed. The last dump of a window is the first one of the next.
class UdpSockets {
public:
    /// Call before each dump.
    void begin_dump() { ++dump_; }
    void add(const Socket& socket);
    const std::vector<Flow>& flows() const { return flows_; }
    /// Bytes are unknown unless the namespace was `silent`: no datagram moved in all of it.
    void add_to(std::vector<Flow>& flows, bool silent) const;
    /// Forgets sockets that the last dump did not show.
    void next_window();

private:
    std::vector<Flow> flows_;
    std::unordered_map<std::uint64_t, std::uint32_t> shown_; // by cookie: the last dump that showed it
    std::uint32_t dump_ = 0;
};

} // namespace socktally
