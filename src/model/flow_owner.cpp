// SPDX-License-Identifier: MIT
#include "model/flow_owner.hpp"

namespace socktally {

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

const Identity* identity_of(const Flow& flow, const Sample& sample)
{
    const Process* owner = owner_of(flow, sample);
    return owner != nullptr ? owner->identity.get() : nullptr;
}

std::optional<std::string_view> known(const Identity* identity, std::optional<std::string> Identity::*field)
{
    return identity != nullptr && identity->*field ? std::optional<std::string_view>(*(identity->*field))
                                                   : std::nullopt;
}

} // namespace socktally
