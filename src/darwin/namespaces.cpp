// SPDX-License-Identifier: MIT
// macOS has one network, so there are no namespaces to list, to find or to enter.
#include "traffic/namespaces.hpp"

namespace socktally {

std::uint64_t own_netns_inode() { return 0; }

std::optional<std::uint64_t> netns_inode(const std::string&) { return std::nullopt; }

std::string named_netns_path(const std::string&) { return {}; }

ProcessesSeen list_processes() { return {}; }

std::vector<NetworkNamespace> other_namespaces(const std::vector<Inode>&, const ProcessesSeen&) { return {}; }

std::size_t enter_each(const std::vector<NetworkNamespace>&, std::size_t, const std::function<void(Inode)>&)
{
    return 0;
}

} // namespace socktally
