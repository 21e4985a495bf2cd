// SPDX-License-Identifier: MIT
// The same thing done many times, in threads of their own: for what waits rather than works, as the kernel does for all
// CPUs where a packet socket gets its buffer or is closed. It waits for many of them at once as long as for one.
#pragma once

#include <cstddef>
#include <functional>

namespace socktally {

/// Calls `work`, which must not throw, with each number below `count`, from at most so many threads at once. Throws
/// where not even one can be started.
void in_threads(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& work);

} // namespace socktally
