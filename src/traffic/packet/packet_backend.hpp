// SPDX-License-Identifier: MIT
// The packet backend: TCP and UDP packets of this network namespace, summed by tuple and matched to sockets and their
// holders. Counts payload, packets and IP bytes to the byte as long as the capture buffer drops nothing.
#pragma once

#include "traffic/backend.hpp"

namespace socktally {

OpenResult open_packet(const BackendOptions& options);

} // namespace socktally
