// SPDX-License-Identifier: MIT
// What the table shows at the end of a window, and what of it goes on into the next one.
#include "traffic/netlink/socket_table.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace socktally {

std::size_t SocketTable::next_window(Events events)
{
    std::size_t kept = 0;
    std::size_t forgotten = 0;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        rebase(i);
        const bool is_lost = tracked_[i].missed == given_up && events == Events::lost;
        forgotten += is_lost ? 1 : 0;
        if (is_lost || tracked_[i].counted == Counted::to_its_end) {
            by_cookie_.erase(flows_[i].cookie.value);
        } else {
            tracked_[i].counted = Counted::no;
            move(i, kept++);
        }
    }
    flows_.resize(kept);
    tracked_.resize(kept);
    listening_ = listed_listening_;
    born_ = 0;
    resets_ = 0;
    belated_ = 0;
    without_counters_ = 0;
    for (const DiagSocket& socket : std::exchange(late_, {})) {
        destroyed(socket, Window::open, Age{0});
    }
    return forgotten;
}

/// Not to what the kernel says now, which may be a byte less than it said before.
void SocketTable::rebase(std::size_t index)
{
    Flow& flow = flows_[index];
    Tracked& tracked = tracked_[index];
    tracked.base.rx_bytes += std::exchange(flow.rx_bytes, 0).value_or(0);
    tracked.base.tx_bytes += std::exchange(flow.tx_bytes, 0).value_or(0);
    if (tracked.counted == Counted::no) {
        tracked.missed = std::min<std::uint8_t>(tracked.missed + 1, given_up);
    } else {
        tracked.has_base = true;
        tracked.missed = 0;
    }
}

std::vector<const Flow*> SocketTable::missing() const
{
    std::vector<const Flow*> flows;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (tracked_[i].counted == Counted::no && tracked_[i].missed < given_up) {
            flows.push_back(&flows_[i]);
        }
    }
    return flows;
}

std::vector<Inode> SocketTable::live_inodes() const
{
    std::vector<Inode> inodes;
    inodes.reserve(flows_.size());
    for (const Flow& flow : flows_) {
        if (flow.state == SocketState::open && flow.inode.value != 0) {
            inodes.push_back(flow.inode);
        }
    }
    return inodes;
}

std::vector<const Flow*> SocketTable::live(const std::vector<Inode>& inodes) const
{
    std::vector<const Flow*> flows;
    for (const Flow& flow : flows_) {
        if (flow.state == SocketState::open && std::binary_search(inodes.begin(), inodes.end(), flow.inode)) {
            flows.push_back(&flow);
        }
    }
    return flows;
}

std::vector<Inode> SocketTable::listed_inodes() const
{
    std::vector<Inode> inodes;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (tracked_[i].counted == Counted::to_last_dump && flows_[i].state == SocketState::open) {
            inodes.push_back(flows_[i].inode);
        }
    }
    return inodes;
}

void SocketTable::add_listed(std::vector<Inode>& inodes) const
{
    inodes.insert(inodes.end(), listeners_.begin(), listeners_.end());
    std::transform(flows_.begin(), flows_.end(), std::back_inserter(inodes),
                   [](const Flow& flow) { return flow.inode; });
}

bool SocketTable::has_unaccepted() const
{
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (tracked_[i].counted == Counted::no && flows_[i].inode.value == 0 && flows_[i].accepted &&
            flows_[i].state == SocketState::open) {
            return true;
        }
    }
    return false;
}

bool SocketTable::moved_bytes() const
{
    return std::any_of(flows_.begin(), flows_.end(),
                       [](const Flow& flow) { return flow.rx_bytes != 0 || flow.tx_bytes != 0; });
}

} // namespace socktally
