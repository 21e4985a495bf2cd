// SPDX-License-Identifier: MIT
// The TCP sockets of a window by cookie: what each had moved at the start of the window, and at its end. Pure. Sockets
// come from the first dump, from lists during the window, from destroy events, and from the last dump, which is also
// the first dump of the next window.
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

    /// Reserves room for this many sockets, up to a limit, because growing by doubling would need three times the
    /// memory.
    void reserve(std::size_t sockets);

    /// If a dump repeats a socket, it was disturbed and may have missed others.
    using Row = DumpRow;
    /// Call it before each dump, so that sockets of a second dump are not taken for repeated ones.
    void begin_dump();

    /// Time since the first dump began. A socket that was not in the first dump, but has been idle for longer, existed
    /// then and has moved nothing in the window: a dead connection with an open descriptor is in no dump.
    using Age = std::chrono::milliseconds;

    Row at_start(const Socket& socket);
    void during(const Socket& socket);
    /// Takes a destroy event. If the socket is unknown, its connection was opened and closed in the window, or before
    /// the window if it had not begun. If the last dump has shown the socket, the event belongs to the next window.
    /// Returns the final flow, valid until the table changes; null if there is none.
    enum class Phase : std::uint8_t { opening, open };
    const Flow* destroyed(const Socket& socket, Phase phase, Age age);
    Row at_end(const Socket& socket, Age age);

    /// Removes a destroyed socket whose flow is counted elsewhere.
    void forget(Cookie cookie);

    /// Returns the known sockets that are neither in the last dump nor destroyed, nor given up.
    std::vector<const Flow*> missing() const;
    /// Returns the number of sockets that were missing and are listed again. Some of their bytes may belong to earlier
    /// windows, which did not count them.
    std::size_t late() const { return late_; }
    /// Returns the inodes of live sockets, which a process must hold: neither destroyed nor closed.
    std::vector<Inode> live_inodes() const;
    /// Returns the live sockets with these inodes, which must be sorted.
    std::vector<const Flow*> live(const std::vector<Inode>& inodes) const;
    /// Returns the inodes that were live in the last dump.
    std::vector<Inode> listed_inodes() const;
    /// Adds the inodes of all sockets in the table, and of the listeners in the last dump.
    void add_listed(std::vector<Inode>& inodes) const;
    /// Returns whether the table has no connection, and no socket that could accept one.
    bool is_empty() const { return flows_.empty() && listening_.none(); }
    /// Returns whether there are live sockets without an inode, which get one when they are accepted.
    bool has_unaccepted() const;
    bool moved_bytes() const;
    /// Returns the number of connections without counters (before Linux 4.9).
    std::size_t without_counters() const { return without_counters_; }

    /// Returns the number of connections seen that were opened in the window.
    std::size_t opened() const { return opened_; }
    /// Returns the number of sockets whose counters were reset in the window: bytes before the reset are lost.
    std::size_t resets() const { return resets_; }

    const std::vector<Flow>& flows() const { return flows_; }
    /// Adds the counters of the sockets in the last dump.
    void add_to(Snapshot& snapshot, Inode netns) const;
    /// Moves the flows out. The table cannot be used afterwards.
    std::vector<Flow> take_flows() { return std::move(flows_); }

    /// Begins the next window where this one ended: the counters of each socket become its base, and destroyed sockets
    /// are forgotten. A missing socket keeps its base, because its event may still come. After it was missing twice it
    /// is given up, and if events are known to be `lost`, it is forgotten; else it is a dead connection, whose event
    /// comes when its process closes it. Returns how many were forgotten in this way.
    enum class Events : std::uint8_t { complete, lost };
    std::size_t next_window(Events events);

private:
    /// How far a socket is counted in this window.
    enum class Counted : std::uint8_t { no, to_last_dump, to_its_end };
    struct Tracked {
        SocketCounters base;
        bool has_base = false; // the first dump has shown it
        bool peer_closed = false;
        Counted counted = Counted::no;
        std::uint8_t missed = 0; // number of windows that ended without it, up to most_missed
        std::uint16_t dump = 0;  // number of the last dump that has shown it
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
    std::bitset<65536> listening_;        // ports with a listener at any time of the window
    std::bitset<65536> listed_listening_; // ports with a listener in the last dump
    std::vector<Inode> listeners_;        // inodes of listeners in the last dump
    std::uint16_t dump_ = 0;
    std::size_t opened_ = 0;
    std::size_t resets_ = 0;
    std::size_t late_ = 0;
    std::size_t without_counters_ = 0;
};

/// The UDP sockets of a window by cookie: those of both dumps, so that one that was closed in between is included. The
/// last dump of a window is also the first one of the next.
class UdpSockets {
public:
    /// Call it before each dump.
    void begin_dump() { ++dump_; }
    void add(const Socket& socket);
    const std::vector<Flow>& flows() const { return flows_; }
    /// Adds the flows. Their bytes are unknown, unless the namespace was `silent`: no datagram was moved in it.
    void add_to(std::vector<Flow>& flows, bool silent) const;
    /// Forgets sockets that were not in the last dump.
    void next_window();

private:
    std::vector<Flow> flows_;
    std::unordered_map<std::uint64_t, std::uint32_t> shown_; // by cookie: number of the last dump that has shown it
    std::uint32_t dump_ = 0;
};

} // namespace socktally
