// SPDX-License-Identifier: MIT
// Network namespaces: which ones processes live in, and doing something inside each.
#pragma once

#include <cstddef>
#include <functional>

namespace socktally {

/// Calls `work` once inside the current network namespace and once inside each other one in which a process lives, from
/// a thread of its own, so that nothing else of this process ever leaves its namespace. The number of those that could
/// not be entered. `work` must not throw.
std::size_t in_each_network_namespace(const std::function<void()>& work);

} // namespace socktally
