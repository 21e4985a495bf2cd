// SPDX-License-Identifier: MIT
// The arguments of a docker-proxy: whatever they are, ports and addresses are whole.
#include "fuzz.hpp"
#include "processes/process_files.hpp"

using namespace socktally;

FUZZ_DRIVER(docker_proxy)
{
    if (const auto proxied = parse_docker_proxy(as_text(input))) {
        require(proxied->published.port != 0 && proxied->published.host.port != 0);
        require(proxied->published.host.address.family != Family::none);
        require(proxied->container.family != Family::none);
    }
}
