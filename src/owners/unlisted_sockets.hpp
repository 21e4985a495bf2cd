// SPDX-License-Identifier: MIT
// Sockets that processes hold but no list of the kernel shows. Most have no address yet, or no longer. But some belong
// to a network namespace that has no process, name or open file: only the socket itself, or a mount elsewhere, keeps it
// alive. The holder's descriptor leads to that namespace.
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
    /// A namespace, and the open descriptor that `space.path` names.
    struct Found {
        NetworkNamespace space;
        Fd entrance;
    };
    /// Returns whether the sockets of a namespace are listed.
    using IsListed = std::function<bool(Inode netns)>;

    /// Which sockets lead to a namespace. Whoever stays in a namespace with a packet socket of its own must not follow
    /// packet sockets: two instances would keep the namespace alive for each other.
    enum class Kinds : std::uint8_t { all_but_packet, all };
    explicit UnlistedSockets(Kinds kinds) : kinds_(kinds) {}

    /// Returns the namespaces that are not listed, but have sockets of IP or AF_PACKET that processes held when they
    /// were last read. `listed` has the inodes of the sockets in all lists. A socket of a listed namespace is examined
    /// once: a duplicate of the descriptor is made and closed at once (pidfd_getfd(2)).
    std::vector<Found> find(const OwnerScanner& holders, std::vector<Inode> listed, const IsListed& is_listed);

    /// Returns the number of sockets of the last find() whose namespace is not listed, or may not be because their
    /// descriptor could not be duplicated.
    std::size_t count(const IsListed& is_listed) const;
    /// Returns whether one of these sockets belongs to this namespace.
    bool has(Inode netns) const;

private:
    struct Verdict {
        enum class Is : std::uint8_t {
            elsewhere,  // in the namespace `netns`, which may be listed by now
            irrelevant, // of another kind
            new_denied, // seen only once: in an unlisted namespace, or opened after the lists were made
            denied,
        };
        Is is = Is::irrelevant;
        Inode netns{};
    };
    class Examination;

    Kinds kinds_;
    std::unordered_map<std::uint64_t, Verdict> verdicts_; // by inode
    bool is_first_ = true;                                // find() was not called yet
};

} // namespace socktally
