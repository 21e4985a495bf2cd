// SPDX-License-Identifier: MIT
// The kernel's answer to the question for a route: struct rtmsg and attributes.
#include "fuzz.hpp"
#include "processes/outbound.hpp"

using namespace socktally;

FUZZ_DRIVER(route)
{
    const auto index = parse_route(input);
    require(!index || (*index != 0 && input.size() > 12));
}
