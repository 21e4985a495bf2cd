// SPDX-License-Identifier: MIT
// The ports that a container publishes, as engines write them down in JSON. Of a list, what makes no sense is left out.
#pragma once

#include "model/published.hpp"
#include "processes/json_value.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace socktally {

/// {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "443/tcp": null}. Null: it is no such object.
std::optional<std::vector<PublishedPort>> port_map(const JsonValue& value);

/// What a list of ports calls their parts. `range` is how many there are from each on; null: one.
struct PortKeys {
    std::string_view address;
    std::string_view host;
    std::string_view container;
    std::string_view protocol;
    std::string_view range;
};

/// Null: there is no such list. An engine that has none to tell writes null for it.
std::optional<std::vector<PublishedPort>> port_list(const JsonValue& value, const PortKeys& keys);

} // namespace socktally
