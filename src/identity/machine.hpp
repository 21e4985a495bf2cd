// SPDX-License-Identifier: MIT
// Which machine this is, and which boot of it.
#pragma once

#include "model/address.hpp"

#include <string>
#include <vector>

namespace socktally {

std::string host_name();
/// /proc/sys/kernel/random/boot_id: a UUID that is new at each boot; empty where it cannot be read.
std::string boot_id();
/// Addresses of this machine's interfaces in the current network namespace.
std::vector<Address> local_addresses();

} // namespace socktally
