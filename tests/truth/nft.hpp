// SPDX-License-Identifier: MIT
// Packet loss, by the nft program where it is installed.
#pragma once

#include "place.hpp"

#include <string>

namespace truth {

bool nft_installed();

/// From now on, one TCP packet in `one_in` is dropped at `hook` ("input" or "output"), at random.
void drop_packets(const Netns& netns, const std::string& hook, int one_in);

} // namespace truth
