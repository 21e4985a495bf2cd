// SPDX-License-Identifier: MIT
// Names of this machine and its boot, of users, of other hosts, and of network namespaces.
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
/// Returns /proc/sys/kernel/random/boot_id, a new UUID at each boot; empty if it cannot be read.
std::string boot_id();

/// User names from the system's databases. Each user is looked up at most once a minute.
class Users {
public:
    explicit Users(Lookups& lookups) : lookups_(lookups) {}

    /// Forgets the users that were not in the last window.
    void begin_window();
    /// Returns the name of a user, or the number in digits if the user has no name or no answer comes in time. An
    /// earlier name is kept while a database does not answer.
    const std::string& name(Uid uid);
    /// Returns the number of users of this window whose names are unknown because a database did not answer.
    std::size_t unanswered() const;

private:
    struct Known {
        std::string name;
        bool is_answered = false;
        Lookups::Clock::time_point asked_again{}; // the user is not looked up again before this time
        std::uint64_t window = 0;
    };

    Lookups& lookups_;
    std::map<Uid, Known> names_;
    std::uint64_t window_ = 0;
};

/// Returns the user with this name or number; null if there is no such user. Throws std::runtime_error if a database
/// does not answer and the text is not a number.
std::optional<Uid> find_user(const std::string& name);

/// Returns all addresses of a host; none if there is no such host. Throws std::runtime_error if the name service fails.
std::vector<Address> find_host(const std::string& name);

/// Returns the port of a service such as "http"; null if there is no such service. Throws std::runtime_error if the
/// name service does not answer.
std::optional<std::uint16_t> find_port(const std::string& service);

/// The names that ip-netns(8) has given to network namespaces, as files mounted on them.
class NetnsNames {
public:
    explicit NetnsNames(std::string directory = "/run/netns") : directory_(std::move(directory)) {}

    /// Returns the name of a namespace, the alphabetically first if it has several, or the number in digits if it has
    /// none. The first call reads the directory.
    const std::string& name(Inode netns);

private:
    void read();

    std::string directory_;
    bool is_read_ = false;
    std::map<Inode, std::string> names_;
};

/// Returns a network namespace by its name in /run/netns, by its inode (not checked), by the id of a process that is in
/// it, or as `current`. Returns null if there is no such namespace, or if we may not see it.
std::optional<Inode> find_netns(const std::string& text);

} // namespace socktally
