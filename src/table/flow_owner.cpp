// SPDX-License-Identifier: MIT
#include "table/flow_owner.hpp"

#include <utility>

namespace socktally {

namespace {

bool is_of(const PublishedPort& port, Protocol protocol)
{
    return port.protocol == to_string(protocol == Protocol::mptcp ? Protocol::tcp : protocol);
}

bool passes(const Tuple& tuple, const ProxiedPort& proxied)
{
    const Endpoint container{proxied.container, proxied.published.port};
    return is_of(proxied.published, tuple.protocol) &&
           (tuple.local.port == proxied.published.host.port || tuple.remote == container);
}

} // namespace

const Process* owner_of(const Flow& flow, const Sample& sample)
{
    return flow.attribution.process ? &sample.processes[*flow.attribution.process] : nullptr;
}

std::string_view name_of(const Flow& flow, const Sample& sample)
{
    const Process* owner = owner_of(flow, sample);
    return owner != nullptr ? std::string_view(owner->name) : cause_name(flow.attribution.cause);
}

std::optional<Uid> uid_of(const Flow& flow, const Sample& sample)
{
    const Process* owner = owner_of(flow, sample);
    return owner != nullptr ? owner->uid : flow.uid;
}

Inode netns_of(const Flow& flow, const Sample& sample)
{
    const Process* owner = owner_of(flow, sample);
    return flow.netns == Inode{} && owner != nullptr ? owner->netns : flow.netns;
}

std::shared_ptr<const Identity> identity_of(const Flow& flow, const Sample& sample)
{
    if (const Process* owner = owner_of(flow, sample)) {
        return owner->identity;
    }
    const auto group = sample.groups.find(flow.cgroup_id);
    return group != sample.groups.end() ? group->second : nullptr;
}

std::optional<std::string_view> known(const Identity* identity, std::optional<std::string> Identity::*field)
{
    return identity != nullptr && identity->*field ? std::optional<std::string_view>(*(identity->*field))
                                                   : std::nullopt;
}

std::optional<std::string> published_ports_of(const Flow& flow, const Sample& sample)
{
    const auto identity = identity_of(flow, sample);
    if (identity == nullptr) {
        return std::nullopt;
    }
    if (identity->proxied) {
        return passes(flow.tuple, *identity->proxied)
                   ? std::optional(to_string(identity->proxied->published) + " via docker-proxy")
                   : std::nullopt;
    }
    std::string text;
    for (const PublishedPort& port : identity->published) {
        const std::uint16_t local = flow.tuple.local.port;
        if (local >= port.port && local - port.port <= port.more && is_of(port, flow.tuple.protocol)) {
            text += text.empty() ? "" : ",";
            text += to_string(port_in(port, local));
        }
    }
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

} // namespace socktally
