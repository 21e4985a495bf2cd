// SPDX-License-Identifier: MIT
// Counts the searches for the holder of each socket that failed. After four full ones the socket is given up: it is in
// no table that may be read (another user's, the kernel's). A search that ran out of time counts a quarter.
#pragma once

#include "model/flow.hpp"
#include "owners/holder_map.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace socktally {

class OwnerSearches {
public:
    bool is_given_up(Inode inode) const
    {
        const auto known = costs_.find(inode.value);
        return known != costs_.end() && known->second >= most;
    }

    /// Searches for the holders of these sockets, in the likeliest places only unless one of them was searched before:
    /// on a busy machine there are always a few that are gone by the time they are searched.
    void search(HolderMap& holders, const std::vector<Inode>& wanted, HolderMap::Clock::time_point deadline,
                HolderMap::Reach reach = HolderMap::Reach::likely)
    {
        if (wanted.empty()) {
            return;
        }
        const bool again =
            std::any_of(wanted.begin(), wanted.end(), [this](Inode inode) { return costs_.contains(inode.value); });
        const bool is_finished = holders.search(wanted, again ? HolderMap::Reach::everywhere : reach, deadline);
        std::vector<Inode> missing = holders.unheld(wanted); // sorted
        missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
        for (const Inode inode : missing) {
            int& cost = costs_[inode.value];
            cost += is_finished ? finished : cut_short;
            if (cost >= most) {
                holders.trace()("search given up: socket:[{}] was not found", inode.value);
            }
        }
    }

    void forget(Inode inode) { costs_.erase(inode.value); }

    /// Forgets all sockets but these.
    void keep(const std::vector<Inode>& live)
    {
        std::unordered_map<std::uint64_t, int> kept;
        for (const Inode inode : live) {
            if (const auto known = costs_.find(inode.value); known != costs_.end()) {
                kept.insert(*known);
            }
        }
        costs_ = std::move(kept);
    }
    bool is_empty() const { return costs_.empty(); }

private:
    static constexpr int finished = 4;
    static constexpr int cut_short = 1;
    static constexpr int most = 4 * finished;

    std::unordered_map<std::uint64_t, int> costs_; // by inode
};

} // namespace socktally
