// SPDX-License-Identifier: MIT
// Which machine this is, and which boot of it.
#pragma once

#include "model/interfaces.hpp"

#include <string>
#include <vector>

namespace socktally {

std::string host_name();
/// /proc/sys/kernel/random/boot_id: a UUID that is new at each boot; empty where it cannot be read.
std::string boot_id();
/// The interfaces of the current network namespace with their addresses, by index. Throws where they cannot be listed.
std::vector<Interface> interfaces();

} // namespace socktally
