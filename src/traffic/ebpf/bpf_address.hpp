// SPDX-License-Identifier: MIT
// What BPF programs say of an address, in our words.
#pragma once

#include "model/address.hpp"
#include "traffic/ebpf/tally.h"

#include <netinet/in.h>

#include <cstdint>
#include <span>

namespace socktally {

/// `bytes` in network order, of which AF_INET uses the first four.
inline Address address_of(const tally_u8 (&bytes)[16], std::uint16_t family)
{
    return Address::from_bytes(std::as_bytes(std::span(bytes)).first(family == AF_INET6 ? 16 : 4));
}

} // namespace socktally
