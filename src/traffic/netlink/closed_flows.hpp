// SPDX-License-Identifier: MIT
// Sums of the connections that closed in the window, by owner: so that a long window on a busy machine does not
// remember each of them. Only for samples in which no single connection is asked for.
#pragma once

#include "model/flow.hpp"
#include "owners/holder_map.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace socktally {

class ClosedFlows {
public:
    /// True where the flow was taken into a sum; one with several holders has to be decided upon with the others at the
    /// end.
    bool add(const Flow& flow, Inode netns, const HolderMap& holders);
    /// One flow a sum, attributed where there is an owner.
    void move_to(std::vector<Flow>& flows);

private:
    struct Key {
        std::optional<std::uint32_t> process;
        std::optional<Uid> uid;      // of the socket, where there is no process
        std::uint64_t cgroup_id = 0; // likewise
        Inode netns;
        auto operator<=>(const Key&) const = default;
    };
    std::map<Key, Flow> sums_;
};

} // namespace socktally
