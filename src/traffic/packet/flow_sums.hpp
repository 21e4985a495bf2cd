// SPDX-License-Identifier: MIT
// The flows of a packet sample as the model has them: one for each tuple, or where nobody asks for tuples one for each
// socket. Pure.
#pragma once

#include "model/flow.hpp"
#include "traffic/packet/flow_table.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

namespace socktally {

class FlowSums {
public:
    enum class Detail : std::uint8_t { sockets, tuples };
    explicit FlowSums(Detail detail) : detail_(detail) {}

    void add(const PacketFlow& flow);
    /// Adds each socket of `listed` that moved nothing, and hands all over; nothing is left for the next window.
    std::vector<Flow> take(const std::vector<Flow>& listed);

private:
    using Key = std::tuple<Inode, std::optional<Uid>, std::uint64_t, SocketState, Quality, Cause>;

    Detail detail_;
    std::vector<Flow> flows_;
    std::map<Key, std::size_t> sums_; // index into flows_
    std::set<Inode> inodes_;
};

} // namespace socktally
