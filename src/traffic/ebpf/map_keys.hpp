// SPDX-License-Identifier: MIT
// The keys of a BPF hash map, while programs add others.
#pragma once

#include <bpf/bpf.h>

#include <vector>

namespace socktally {

/// Every key that is there for as long as this runs. Nothing may be deleted meanwhile: it would begin anew.
template <typename Key>
std::vector<Key> keys_of(int map)
{
    std::vector<Key> keys;
    Key next{};
    while (bpf_map_get_next_key(map, keys.empty() ? nullptr : &keys.back(), &next) == 0) {
        keys.push_back(next);
    }
    return keys;
}

} // namespace socktally
