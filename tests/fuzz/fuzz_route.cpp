// SPDX-License-Identifier: MIT
// What rtnetlink says of a route, an interface or an address: a struct and attributes.
#include "fuzz.hpp"
#include "linux/interfaces.hpp"
#include "linux/route_messages.hpp"

using namespace socktally;

FUZZ_DRIVER(route)
{
    const auto index = parse_route(input);
    require(!index || (*index != 0 && input.size() > 12));
    const auto interface = parse_interface(input);
    require(!interface || (input.size() >= 16 && interface->name.size() <= input.size()));
    const auto address = parse_interface_address(input);
    require(!address || address->address.family != Family::none);
}
