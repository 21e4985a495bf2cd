// SPDX-License-Identifier: MIT
#include "model/filter.hpp"

#include "model/flow_owner.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace socktally {

namespace {

template <typename T>
bool has(const std::vector<T>& list, const T& value)
{
    return std::find(list.begin(), list.end(), value) != list.end();
}

} // namespace

bool is_unit_called(std::optional<std::string_view> unit, std::string_view name)
{
    constexpr std::string_view type = ".service";
    return unit && unit->starts_with(name) && (unit->size() == name.size() || unit->substr(name.size()) == type);
}

bool is_container_called(std::optional<std::string_view> container, std::optional<std::string_view> id,
                         std::string_view name)
{
    constexpr std::size_t shortest = 12; // what engines print; less might be a name
    return container == name || (id && name.size() >= shortest && id->starts_with(name));
}

bool is_pod_called(std::optional<std::string_view> pod, std::optional<std::string_view> uid, std::string_view name)
{
    return pod == name || uid == name;
}

bool Filter::is_elsewhere(const Flow& flow) const
{
    return machine_netns != Inode{} && flow.netns != Inode{} && flow.netns != machine_netns;
}

bool Filter::matches(const Flow& flow, const Sample& sample) const
{
    const bool passes = interfaces.empty() || (!is_elsewhere(flow) && has(interfaces, interface_of(flow, machine)));
    return passes && matches_all_but_interface(flow, sample);
}

bool Filter::misses_interface(const Flow& flow, const Sample& sample) const
{
    return !interfaces.empty() && !is_elsewhere(flow) && interface_of(flow, machine) == 0 &&
           matches_all_but_interface(flow, sample);
}

bool Filter::matches_all_but_interface(const Flow& flow, const Sample& sample) const
{
    return matches_owner(flow, sample) && matches_socket(flow, sample);
}

bool Filter::matches_owner(const Flow& flow, const Sample& sample) const
{
    const Process* owner = owner_of(flow, sample);
    if (!pids.empty() && (owner == nullptr || !has(pids, owner->pid))) {
        return false;
    }
    if (!names.empty() && std::find(names.begin(), names.end(), name_of(flow, sample)) == names.end()) {
        return false;
    }
    const auto is_in_name = [owner](const std::string& part) { return owner->name.find(part) != std::string::npos; };
    if (!substrings.empty() && (owner == nullptr || std::none_of(substrings.begin(), substrings.end(), is_in_name))) {
        return false;
    }
    const auto uid = uid_of(flow, sample);
    if (!uids.empty() && (!uid || !has(uids, *uid))) {
        return false;
    }
    const auto found = identity_of(flow, sample);
    const Identity* identity = found.get();
    const auto is_unit = [unit = known(identity, &Identity::unit)](const std::string& name) {
        return is_unit_called(unit, name);
    };
    if (!units.empty() && std::none_of(units.begin(), units.end(), is_unit)) {
        return false;
    }
    const auto is_container = [container = known(identity, &Identity::container),
                               id = known(identity, &Identity::container_id)](const std::string& name) {
        return is_container_called(container, id, name);
    };
    if (!containers.empty() && std::none_of(containers.begin(), containers.end(), is_container)) {
        return false;
    }
    const auto is_pod = [pod = known(identity, &Identity::pod), uid = known(identity, &Identity::pod_uid)](
                            const std::string& name) { return is_pod_called(pod, uid, name); };
    return pods.empty() || std::any_of(pods.begin(), pods.end(), is_pod);
}

bool Filter::matches_socket(const Flow& flow, const Sample& sample) const
{
    if (!ports.empty() && !has(ports, flow.tuple.local.port) && !has(ports, flow.tuple.remote.port)) {
        return false;
    }
    const auto has_remote = [&flow](const Prefix& prefix) { return prefix.contains(flow.tuple.remote.address); };
    if (!remotes.empty() && std::none_of(remotes.begin(), remotes.end(), has_remote)) {
        return false;
    }
    if (!protocols.empty() && !has(protocols, flow.tuple.protocol)) {
        return false;
    }
    if (!namespaces.empty() && !has(namespaces, netns_of(flow, sample))) {
        return false;
    }
    return loopback || !stays_on_this_machine(flow.tuple, machine);
}

Note unknown_interface_note(std::size_t sockets)
{
    return {"interface-unknown",
            sockets == 1 ? "1 socket was left out because it is not known which interface it uses"
                         : std::to_string(sockets) + " sockets were left out because it is not known which interface "
                                                     "they use",
            "", true};
}

} // namespace socktally
