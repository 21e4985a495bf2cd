// SPDX-License-Identifier: MIT
// The names of this machine, its users, other hosts and network namespaces.
#pragma once

#include "model/ids.hpp"
#include "processes/lookups.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace socktally {

std::string host_name();

/// User names from the databases of the system. A name that was found is not looked up again for a minute.
class Users {
public:
    explicit Users(Lookups& lookups) : lookups_(lookups) {}

    /// Begins a window. Forgets the users that the last window did not have.
    void begin_window();
    /// Returns the name of a user. Returns the uid in digits if the user has no name, or if no answer comes in time. If
    /// a name was found earlier, keeps it while the database does not answer.
    const std::string& name(Uid uid);
    /// Returns the number of users in this window whose names are unknown because a database did not answer.
    std::size_t unanswered() const;

private:
    struct Known {
        std::string name;
        bool is_answered = false;
        Lookups::Clock::time_point asked_again{}; // time before which the user is not looked up again
        std::uint64_t window = 0;
    };

    Lookups& lookups_;
    std::map<Uid, Known> names_;
    std::uint64_t window_ = 0;
};

/// Returns the user with this name or uid; null if there is no such user. Throws std::runtime_error if the user
/// database does not answer and `name` is not a number.
std::optional<Uid> find_user(const std::string& name);

/// Returns all addresses of a host. Returns an empty list if there is no such host. Throws std::runtime_error if the
/// name service fails.
std::vector<Address> find_host(const std::string& name);

/// Returns the port of a service such as "http"; null if there is no such service. Throws std::runtime_error if the
/// name service does not answer.
std::optional<std::uint16_t> find_port(const std::string& service);

/// Returns the names of those services that have one; empty if the name service does not answer.
std::map<Service, std::string> service_names(const std::set<Service>& services);

/// The names of network namespaces. For each name, ip-netns(8) makes a file in /run/netns and mounts the namespace on
/// it.
class NetnsNames {
public:
    explicit NetnsNames(std::string directory = "/run/netns") : directory_(std::move(directory)) {}

    /// Returns the name of a namespace. If it has several names, returns the first in alphabetical order. If it has
    /// none, returns its inode in digits. The first call reads the directory.
    const std::string& name(Inode netns);

private:
    void read();

    std::string directory_;
    bool is_read_ = false;
    std::map<Inode, std::string> names_;
};

/// Returns the network namespace that the user means by `text`: a name in /run/netns, an inode (not checked), the pid
/// of a process in the namespace, or `current`. Returns null if there is no such namespace, or if we may not see it.
std::optional<Inode> find_netns(const std::string& text);

} // namespace socktally
