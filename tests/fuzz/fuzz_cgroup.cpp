// SPDX-License-Identifier: MIT
// /proc/PID/cgroup: what is taken for an id is one, and every part comes from the text.
#include "fuzz.hpp"
#include "processes/cgroup.hpp"

using namespace socktally;

FUZZ_DRIVER(cgroup)
{
    const std::string_view text = as_text(input);
    const auto place = parse_cgroup(text);
    if (!place) {
        return;
    }
    require(place->path.starts_with('/') && text.find(place->path) != text.npos);
    const auto& id = place->container_id;
    require(!id || (is_container_id(*id) && place->path.find(*id) != std::string::npos));
    require(!place->container_id || !place->machine);
    require(!place->pod_uid || place->pod_uid->find_first_not_of("0123456789abcdef-") == std::string::npos);
    require(!place->user || place->unit);
    require(!place->unit || place->unit->size() <= 255);
}
