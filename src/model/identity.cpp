// SPDX-License-Identifier: MIT
#include "model/identity.hpp"

namespace socktally {

Identity common(const Identity& a, const Identity& b)
{
    Identity both;
    const auto keep = [&](auto Identity::*field) {
        if (a.*field == b.*field) {
            both.*field = a.*field;
        }
    };
    keep(&Identity::command);
    keep(&Identity::exe);
    keep(&Identity::parent);
    keep(&Identity::cgroup);
    keep(&Identity::unit);
    keep(&Identity::container);
    keep(&Identity::container_id);
    keep(&Identity::image);
    keep(&Identity::pod);
    keep(&Identity::pod_uid);
    keep(&Identity::pod_namespace);
    keep(&Identity::published);
    keep(&Identity::proxied);
    return both;
}

} // namespace socktally
