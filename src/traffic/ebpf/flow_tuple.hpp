// SPDX-License-Identifier: MIT
// What the BPF programs say of a socket, in our words.
#pragma once

#include "model/flow.hpp"
#include "traffic/ebpf/tally.h"

namespace socktally {

/// An unconnected socket has no remote endpoint.
Tuple tuple_of(const tally_flow& flow);

} // namespace socktally
