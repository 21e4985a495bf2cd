// SPDX-License-Identifier: MIT
// Names of network namespaces: those that ip-netns(8) gave, as files that are bound to the namespaces.
#pragma once

#include "model/ids.hpp"

#include <map>
#include <optional>
#include <string>

namespace socktally {

class NetnsNames {
public:
    explicit NetnsNames(std::string directory = "/run/netns") : directory_(std::move(directory)) {}

    /// The first of its names in the alphabet, or the number in digits where it has none. The directory is read when
    /// first asked.
    const std::string& name(Inode netns);

private:
    void read();

    std::string directory_;
    bool is_read_ = false;
    std::map<Inode, std::string> names_;
};

/// By a name in /run/netns; by number, which is not checked; by the id of a process that is in it; or `current`.
/// Null where there is no such namespace, or none that we may see.
std::optional<Inode> find_netns(const std::string& text);

} // namespace socktally
