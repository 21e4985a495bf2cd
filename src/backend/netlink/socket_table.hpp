// SPDX-License-Identifier: MIT
// The TCP sockets of one window, keyed by cookie: what each had moved at the start, and what at its end. Pure.
// Rows come in from the first dump, from looks during the window, from destroy events and from the last dump.
#pragma once

#include "backend/netlink/diag.hpp"
#include "model/flow.hpp"

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
    /// Room for so many sockets, at most a sane number of them: growing by doubling would need three times as much
    /// memory.
    void reserve(std::size_t sockets);

    /// A repeat within one dump means that the dump was disturbed and may have missed others.
    enum class Row : std::uint8_t { fresh, repeated };
    /// Call before each dump, so that a second dump's rows are not taken for repeats of the first one's.
    void begin_dump() { ++dump_; }

    /// Time since the first dump began. A socket that the first dump did not show and that has been idle for longer was
    /// there all the same (a dead connection whose descriptor is still open is in no dump) and has moved nothing in the
    /// window.
    using Age = std::chrono::milliseconds;

    Row at_start(const DiagSocket& socket);
    void during(const DiagSocket& socket);
    /// A destroy event. One of a socket never seen is of a connection that was born and ended in the window, unless the
    /// window had not begun. Gives the flow as it ended, until the next change of the table; null where there is
    /// nothing to say of it.
    enum class Window : std::uint8_t { opening, open };
    const Flow* destroyed(const DiagSocket& socket, Window window, Age age);
    Row at_end(const DiagSocket& socket, Age age);

    /// Drops a destroyed socket whose flow has been accounted for elsewhere.
    void forget(Cookie cookie);

    /// Sockets seen before, neither in the last dump nor destroyed.
    std::vector<const Flow*> missing() const;
    /// Inodes of sockets that are not destroyed.
    std::vector<Inode> live_inodes() const;
    /// Live sockets without inode that an accept may still give one.
    bool has_unaccepted() const;
    bool moved_bytes() const;
    /// Connections for which the kernel gives no counters (before Linux 4.9).
    std::size_t without_counters() const { return without_counters_; }

    /// Connections opened in the window that were seen.
    std::size_t born() const { return born_; }
    /// Sockets whose counters were reset within the window: bytes before the reset are lost.
    std::size_t resets() const { return resets_; }

    std::vector<Flow> take_flows() { return std::move(flows_); }

private:
    struct Tracked {
        TcpPayload base;
        std::uint32_t segs_in = 0;
        std::uint32_t segs_out = 0;
        bool has_base = false; // the first dump showed it
        bool peer_closed = false;
        bool ended = false;
        std::uint16_t dump = 0; // the last one that showed it
    };

    std::size_t add(const DiagSocket& socket);
    Row mark(std::size_t index);
    bool accepted(const DiagSocket& socket) const;
    void update(std::size_t index, const DiagSocket& socket);
    void finish(std::size_t index, const DiagSocket& socket, Age age);
    void note_missing_counters(const DiagSocket& socket);

    std::vector<Flow> flows_;
    std::vector<Tracked> tracked_; // parallel to flows_
    std::unordered_map<std::uint64_t, std::uint32_t> by_cookie_;
    std::bitset<65536> listening_;
    std::uint16_t dump_ = 0;
    std::size_t born_ = 0;
    std::size_t resets_ = 0;
    std::size_t without_counters_ = 0;
};

} // namespace socktally
