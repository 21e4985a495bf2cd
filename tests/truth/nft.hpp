// SPDX-License-Identifier: MIT
// Packet loss and rewritten addresses, by the nft program where it is installed.
#pragma once

#include "place.hpp"

#include <string>

namespace truth {

bool nft_installed();

/// Throws where nft refuses the rules.
void add_rules(const Netns& netns, const std::string& rules);

/// From now on, one TCP packet in `one_in` is dropped at `hook` ("input" or "output"), at random.
void drop_packets(const Netns& netns, const std::string& hook, int one_in);

} // namespace truth
