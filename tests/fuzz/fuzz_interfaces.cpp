// SPDX-License-Identifier: MIT
// /proc/net/dev, the first half of the input as earlier text and the second as later one.
#include "fuzz.hpp"
#include "linux/interfaces.hpp"
#include "traffic/snapshot.hpp"

using namespace socktally;

FUZZ_DRIVER(interfaces)
{
    const std::string_view text = as_text(input);
    const auto earlier = parse_interfaces(text.substr(0, text.size() / 2));
    const auto later = parse_interfaces(text.substr(text.size() / 2));
    Sample sample;
    sample.interfaces = later;
    subtract({earlier}, sample);
    const auto& deltas = sample.interfaces;
    require(deltas.size() == later.size());
    for (std::size_t i = 0; i < deltas.size(); ++i) {
        require(deltas[i].name == later[i].name);
        require(deltas[i].rx_bytes <= later[i].rx_bytes && deltas[i].tx_bytes <= later[i].tx_bytes);
    }
}
