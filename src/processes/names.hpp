// SPDX-License-Identifier: MIT
// Names on this machine: of the host and its boot, of users, of other hosts, of network namespaces.
#pragma once

#include "model/ids.hpp"
#include "processes/lookups.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

std::string host_name();
/// /proc/sys/kernel/random/boot_id: a UUID that is new at each boot; empty if it cannot be read.
std::string boot_id();

/// User names from the system's databases. Each user is looked up at most once a minute.
class Users {
public:
    explicit Users(Lookups& lookups) : lookups_(lookups) {}

    /// Forgets the users that the last window did not have.
    void begin_window();
    /// Returns the name, or the number in digits if there is none or no answer in time. If a database stops answering,
    /// the earlier name is kept.
    const std::string& name(Uid uid);
    /// Returns the number of users of this window whose names are unknown because a database did not answer.
    std::size_t unanswered() const;

private:
    struct Known {
        std::string name;
        bool is_answered = false;
        Lookups::Clock::time_point asked_again{}; // not before this time
        std::uint64_t window = 0;
    };

    Lookups& lookups_;
    std::map<Uid, Known> names_;
    std::uint64_t window_ = 0;
};

/// Finds a user by name, or by number in digits. Null if there is no such user. Throws std::runtime_error if a database
/// does not answer, and the text is no number.
std::optional<Uid> find_user(const std::string& name);

/// Returns all addresses of a host; none if there is no such host. Throws std::runtime_error if the name service cannot
/// say.
std::vector<Address> find_host(const std::string& name);

/// Names that ip-netns(8) gave, as files that are bound to the namespaces.
class NetnsNames {
public:
    explicit NetnsNames(std::string directory = "/run/netns") : directory_(std::move(directory)) {}

    /// Returns the first of its names in the alphabet, or the number in digits if it has none. Reads the directory at
    /// the first call.
    const std::string& name(Inode netns);

private:
    void read();

    std::string directory_;
    bool is_read_ = false;
    std::map<Inode, std::string> names_;
};

/// Finds a network namespace by a name in /run/netns; by number, which is not checked; by the id of a process that is
/// in it; or as `current`. Null if there is no such namespace, or none that we may see.
std::optional<Inode> find_netns(const std::string& text);

} // namespace socktally
