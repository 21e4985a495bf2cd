// SPDX-License-Identifier: MIT
#include "commands/complete_filter.hpp"

#include "commands/make_report.hpp"
#include "identity/machine.hpp"
#include "identity/netns_names.hpp"
#include "identity/users.hpp"
#include "model/quote.hpp"
#include "sys/netns.hpp"

#include <fmt/format.h>

namespace socktally {

Filter complete_filter(const Options& options)
{
    Filter filter = options.filter;
    for (const std::string& name : options.users) {
        const auto uid = find_user(name);
        if (!uid) {
            throw UsageError(fmt::format("no such user: {}", quote(name)));
        }
        filter.uids.push_back(*uid);
    }
    for (const std::string& name : options.namespaces) {
        const auto netns = find_netns(name);
        if (!netns) {
            throw UsageError(fmt::format("no such network namespace: {}", quote(name)));
        }
        filter.namespaces.push_back(*netns);
    }
    if (!filter.loopback || !options.interfaces.empty()) {
        filter.machine = interfaces();
        filter.machine_netns = Inode{own_netns_inode()};
    }
    filter.interfaces = interface_indices(options.interfaces, filter.machine);
    return filter;
}

void refresh(Filter& filter)
{
    if (!filter.machine.empty()) {
        filter.machine = interfaces();
    }
}

} // namespace socktally
