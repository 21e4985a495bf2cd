// SPDX-License-Identifier: MIT
// The network namespaces that a sample is about, and what is said of those that could not be entered. For every backend
// that has to enter them.
#pragma once

#include "model/sample.hpp"
#include "sys/netns.hpp"

#include <cstddef>
#include <functional>
#include <vector>

namespace socktally {

/// That of this process.
Inode own_namespace();
/// `wanted` is BackendOptions::namespaces.
bool is_wanted(Inode netns, const std::vector<Inode>& wanted);

/// Those that are wanted besides our own. `open` are namespaces that processes have open files of, besides those that
/// they live in.
std::vector<NetworkNamespace> other_namespaces(const std::vector<Inode>& wanted,
                                               const std::vector<NetworkNamespace>& open);

/// Calls `work` inside each of them, after making room for so many open files each; how many could not be entered, or
/// had no room (std::system_error).
std::size_t enter_each(const std::vector<NetworkNamespace>& namespaces, std::size_t files_per_namespace,
                       const std::function<void(Inode netns)>& work);

/// Says so, and adds a flow without figures for what moved there: `[other netns]`. Nothing where none was refused.
void add_refused_namespaces(Sample& sample, std::size_t refused);
/// For doctor.
void add_namespaces_limit(std::vector<Note>& limits);

} // namespace socktally
