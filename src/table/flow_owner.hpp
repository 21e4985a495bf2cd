// SPDX-License-Identifier: MIT
// What an attributed flow has from its owner: filters and groupings ask the same questions. Pure.
#pragma once

#include "model/identity.hpp"
#include "model/sample.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// Null: nobody owns the flow.
const Process* owner_of(const Flow& flow, const Sample& sample);
/// The owner's name, else the cause in brackets.
std::string_view name_of(const Flow& flow, const Sample& sample);
/// The owner's, else the socket's.
std::optional<Uid> uid_of(const Flow& flow, const Sample& sample);
/// The socket's, else the owner's; 0 where neither is known.
Inode netns_of(const Flow& flow, const Sample& sample);
/// The owner's, null also where it was not read. Without an owner what the socket's cgroup tells.
std::shared_ptr<const Identity> identity_of(const Flow& flow, const Sample& sample);
/// A field of it; null also where there is no identity.
std::optional<std::string_view> known(const Identity* identity, std::optional<std::string> Identity::*field);

/// The published ports that the flow's traffic came by, one after the other with commas: of its owner's container, or
/// of what its owner is the docker-proxy of. Null: none that is known.
std::optional<std::string> published_ports_of(const Flow& flow, const Sample& sample);

} // namespace socktally
