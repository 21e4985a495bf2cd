// SPDX-License-Identifier: MIT
// The TCP sockets of a window by cookie, and the bytes that each had moved at the start and at the end of the window.
// Pure. Sockets come from the first dump, from lists during the window, from destroy events and from the last dump. The
// last dump of a window is also the first dump of the next window.
#pragma once

#include "model/sample.hpp"
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
    /// Whether the flows get Flow::facts.
    enum class Facts : std::uint8_t { left_out, kept };
    explicit SocketTable(Facts facts = Facts::left_out) : facts_(facts) {}

    /// Reserves memory for this many sockets, up to a limit. Otherwise the table would grow by doubling, which needs
    /// three times the memory.
    void reserve(std::size_t sockets);

    /// Row::repeated: the dump has listed the socket before. Such a dump was disturbed, and may have missed other
    /// sockets.
    using Row = DumpRow;
    /// Begins a dump. Without this call, the sockets of a second dump would count as repeated.
    void begin_dump();

    /// The time since the first dump began. A socket that has been idle for longer existed before that dump and has
    /// moved nothing since, even if the dump did not list it. (No dump lists a dead connection whose descriptor is
    /// still open.)
    using Age = std::chrono::milliseconds;

    Row at_start(const Socket& socket);
    void during(const Socket& socket);
    /// Takes a destroy event. If the socket is unknown, its connection was opened and closed since the last dump. It
    /// then counts only in Phase::open, which means that the window has begun. If the dump at the end of the window has
    /// already shown the socket, the event counts in the next window. Returns the finished flow; null if no flow was
    /// finished. The pointer is valid until the table changes.
    enum class Phase : std::uint8_t { opening, open };
    const Flow* destroyed(const Socket& socket, Phase phase, Age age);
    Row at_end(const Socket& socket, Age age);

    /// Removes a destroyed socket whose flow is counted elsewhere.
    void forget(Cookie cookie);

    /// Returns the flows of the missing sockets. A socket is missing if it is known, but neither in the last dump, nor
    /// destroyed, nor given up.
    std::vector<const Flow*> missing() const;
    /// Returns the number of sockets that were missing in the last window, and were found again in this one. Some of
    /// their bytes may belong to earlier windows, which did not count them.
    std::size_t late() const { return late_; }
    /// Returns the inodes of live sockets. A live socket is neither destroyed nor closed, so a process must hold it.
    std::vector<Inode> live_inodes() const;
    /// Returns the flows of the live sockets with these inodes. `inodes` must be sorted.
    std::vector<const Flow*> live(const std::vector<Inode>& inodes) const;
    /// Returns the inodes of the sockets that were live in the last dump.
    std::vector<Inode> listed_inodes() const;
    /// Adds the inodes of all sockets in the table, and of the listeners of the window.
    void add_listed(std::vector<Inode>& inodes) const;
    void add_to(Listeners& listeners, Inode netns) const;
    /// Returns whether the table has no connection, and no socket that could accept one.
    bool is_empty() const { return flows_.empty() && listening_.none(); }
    /// Returns whether a connection waits to be accepted. Its socket gets an inode when a process accepts it.
    bool has_unaccepted() const;
    bool moved_bytes() const;
    /// Returns the number of connections without counters (before Linux 4.6).
    std::size_t without_counters() const { return without_counters_; }

    /// Returns the number of connections that were opened in the window, as far as the table has seen them.
    std::size_t opened() const { return opened_; }
    /// Returns the number of sockets whose counters were reset in the window. The bytes before the reset are lost.
    std::size_t resets() const { return resets_; }

    const std::vector<Flow>& flows() const { return flows_; }
    /// Adds the counters of the sockets in the last dump to the snapshot.
    void add_to(Snapshot& snapshot, Inode netns) const;
    /// Moves the flows out. The table cannot be used afterwards.
    std::vector<Flow> take_flows() { return std::move(flows_); }

    /// Begins the next window where this one ended. The counters of each socket become its base. Destroyed sockets are
    /// forgotten. A missing socket keeps its base, because its destroy event may still come. A socket that was missing
    /// in two windows is given up: missing() leaves it out. With Events::lost it is also forgotten, because its event
    /// may be lost. With Events::complete it is kept: its connection is dead, and its event comes when the process
    /// closes the socket. Returns the number of missing sockets that were forgotten.
    enum class Events : std::uint8_t { complete, lost };
    std::size_t next_window(Events events);

private:
    /// The moment up to which the bytes of a socket are counted in this window.
    enum class Counted : std::uint8_t { no, to_last_dump, to_its_end };
    struct Tracked {
        SocketCounters base;
        bool has_base = false; // an earlier dump has shown the socket; false: all its bytes are new
        bool peer_closed = false;
        Counted counted = Counted::no;
        std::uint8_t missed = 0; // number of windows in a row in which the socket was missing, up to most_missed
        std::uint16_t dump = 0;  // number of the last dump that has shown the socket
    };

    std::size_t add(const Socket& socket);
    Row mark(std::size_t index);
    bool accepted(const Socket& socket) const;
    void update(std::size_t index, const Socket& socket);
    void finish(std::size_t index, const Socket& socket, Age age);
    void move(std::size_t from, std::size_t to);
    void add_listener(const Socket& socket);
    bool has_counters(const Socket& socket);

    Facts facts_;
    std::vector<Flow> flows_;
    std::vector<Tracked> tracked_; // parallel to flows_
    std::unordered_map<std::uint64_t, std::uint32_t> by_cookie_;
    std::vector<Socket> of_next_window_; // events that belong to the next window
    std::bitset<65536> listening_;       // ports with a listener at any time of the window
    struct Listening {
        Endpoint local;
        std::uint16_t dump = 0; // number of the last dump that has shown it, or that came before the list that did
    };
    std::unordered_map<std::uint64_t, Listening> listeners_; // of the window, by inode
    std::uint16_t dump_ = 0;
    std::size_t opened_ = 0;
    std::size_t resets_ = 0;
    std::size_t late_ = 0;
    std::size_t without_counters_ = 0;
};

/// The UDP sockets of a window by cookie. They come from the first and the last dump; a socket in only one of them is
/// included. The last dump of a window is also the first dump of the next window.
class UdpSockets {
public:
    /// Begins a dump.
    void begin_dump() { ++dump_; }
    void add(const Socket& socket);
    const std::vector<Flow>& flows() const { return flows_; }
    /// Adds a flow for each socket to `flows`. The bytes are 0 if the namespace was `silent`, so that no datagram moved
    /// in it. Otherwise they are unknown.
    void add_to(std::vector<Flow>& flows, bool silent) const;
    /// Forgets sockets that were not in the last dump.
    void next_window();

private:
    std::vector<Flow> flows_;
    /// For each socket, by cookie: the number of the last dump that has shown it.
    std::unordered_map<std::uint64_t, std::uint32_t> shown_;
    std::uint32_t dump_ = 0;
};

} // namespace socktally
