// SPDX-License-Identifier: MIT
// Finds the names of remote addresses: in /etc/hosts, else by reverse look-ups through the system's resolver. A helper
// process makes all look-ups of a window at once. It is stopped at the deadline, whatever the resolver does.
//
// Our own look-ups must not show in the next window. So the helper never closes a socket, and stays in place, stopped,
// until that window is over. Each backend then finds it as the owner of what it sent, and find_owners() drops its
// flows.
#pragma once

#include "linux/helper.hpp"
#include "model/address.hpp"
#include "model/ids.hpp"
#include "model/sample.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Returns the first name of each address in a text like /etc/hosts.
std::map<Address, std::string> parse_hosts(std::string_view text);

/// Returns whether all resolvers in the text of resolv.conf(5) have private addresses. `upstream` is the file in which
/// systemd-resolved lists the resolvers that it asks. What another resolver of this machine asks is not known, so it
/// does not count as private.
bool are_resolvers_private(std::string_view text, std::string_view upstream);

class RemoteNames {
public:
    using Clock = Helper::Clock;

    /// `patience`: how long the look-ups of a window may take together. Private addresses are looked up only if
    /// `private_too` is true or the resolvers are private.
    RemoteNames(std::chrono::nanoseconds patience, bool private_too);

    /// Adds the names of these addresses to the sample, and notes about names that could not be looked up. The most
    /// important addresses come first. `is_last`: no window follows.
    void add_names(Sample& sample, const std::vector<Address>& addresses, bool is_last);

    /// Returns the process that made the look-ups before the current window; 0 if there were none.
    Pid asker() const { return Pid{helper_.pid()}; }

private:
    struct Known {
        std::shared_ptr<const RemoteName> name; // null: the address has none
        Clock::time_point forgotten_at;
    };

    void ask(const std::vector<Address>& addresses, bool is_last, std::vector<Note>& notes);
    void remember(const Address& address, std::string_view name);
    /// Forgets old names, and the oldest of too many.
    void forget_old();

    std::chrono::nanoseconds patience_;
    bool private_too_;
    Helper helper_;
    std::map<Address, Known> known_;
    Clock::time_point rests_until_{}; // the resolver gave no answer at all, and is not asked before this time
};

} // namespace socktally
