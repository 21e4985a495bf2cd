// SPDX-License-Identifier: MIT
#include "traffic/netstat/socket_numbers.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace socktally {

namespace {

/// Returns whether a row repeats an earlier one. Rows without a number may be different sockets with one tuple.
class Repetitions {
public:
    bool has_seen(const NetstatRow& row)
    {
        return row.generation != 0 && !seen_.emplace(row.generation, row.socket.tuple).second;
    }

private:
    std::set<std::pair<std::uint64_t, Tuple>> seen_;
};

} // namespace

void SocketNumbers::number(std::vector<NetstatRow>& rows)
{
    Repetitions repetitions;
    std::erase_if(rows, [&](const NetstatRow& row) { return repetitions.has_seen(row); });
    std::unordered_map<std::uint64_t, std::uint32_t> with_generation;
    std::map<Key, std::uint32_t> with_key;
    for (const NetstatRow& row : rows) {
        ++with_generation[row.generation];
        ++with_key[{row.generation, row.socket.tuple}];
    }
    std::map<Key, std::uint64_t> listed;
    for (NetstatRow& row : rows) {
        Socket& socket = row.socket;
        const Key key{row.generation, socket.tuple};
        if (row.generation != 0 && with_generation[row.generation] == 1) {
            socket.cookie = Cookie{(2 * row.generation | last_bit_) & ~own_numbers};
        } else if (with_key[key] == 1 && !row.is_cut) {
            const auto known = known_.find(key);
            socket.cookie = Cookie{known != known_.end() ? known->second : next()};
            listed.emplace(key, socket.cookie.value);
        }
        socket.inode = Inode{socket.cookie != Cookie{} ? socket.cookie.value : next()};
    }
    known_ = std::move(listed);
}

} // namespace socktally
