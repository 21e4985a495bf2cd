// SPDX-License-Identifier: MIT
// Finds network namespaces through sockets that a process holds but no list of the kernel shows. Most such sockets have
// no address yet, or no longer have one. Other such sockets belong to a network namespace without a process, name or
// open file: only the socket itself, or a mount that we cannot see, keeps the namespace alive. The descriptor of the
// socket leads to this namespace.
#pragma once

#include "linux/fd.hpp"
#include "linux/netns.hpp"
#include "owners/owner_scanner.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace socktally {

class UnlistedSockets {
public:
    /// A namespace that was found, and an open descriptor of it. `space.path` is the path of this descriptor in
    /// /proc/self/fd.
    struct Found {
        NetworkNamespace space;
        Fd entrance;
    };
    /// Returns whether the sockets of a namespace are listed.
    using IsListed = std::function<bool(Inode netns)>;

    /// The kinds of sockets that find() examines. A caller that keeps a packet socket of its own in each namespace must
    /// use all_but_packet. Otherwise two instances of socktally would find the packet sockets of each other, and keep a
    /// namespace alive for each other.
    enum class Kinds : std::uint8_t { all_but_packet, all };
    explicit UnlistedSockets(Kinds kinds) : kinds_(kinds) {}

    /// Returns the namespaces that are not listed, but in which a process held an IP or AF_PACKET socket when the
    /// process was last read. `listed` has the inodes of all listed sockets. To examine a socket, duplicates its
    /// descriptor (pidfd_getfd(2)) and closes the duplicate at once. Examines a socket of a listed namespace only once.
    std::vector<Found> find(const OwnerScanner& holders, std::vector<Inode> listed, const IsListed& is_listed);

    /// Returns how many sockets of the last find() are in a namespace that is not listed. Also counts sockets whose
    /// descriptor could not be duplicated, because they may be in such a namespace.
    std::size_t count(const IsListed& is_listed) const;
    /// Returns whether a socket of the last find() belongs to this namespace.
    bool has(Inode netns) const;

private:
    struct Verdict {
        enum class Is : std::uint8_t {
            elsewhere,  // the socket is in the namespace `netns`, which may be listed by now
            irrelevant, // the socket is of a kind that is not examined
            new_denied, // the first examination failed, perhaps because the socket is newer than the lists
            denied,
        };
        Is is = Is::irrelevant;
        Inode netns{};
    };
    class Examination;

    Kinds kinds_;
    std::unordered_map<std::uint64_t, Verdict> verdicts_; // by inode
    bool is_first_ = true;                                // true until find() is called
};

} // namespace socktally
