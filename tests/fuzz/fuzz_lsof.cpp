// SPDX-License-Identifier: MIT
// Output of `lsof -F`: processes and their sockets.
#include "fuzz.hpp"
#include "traffic/netstat/lsof.hpp"

using namespace socktally;

FUZZ_DRIVER(lsof)
{
    const LsofProcesses parsed = parse_lsof(as_text(input));
    std::size_t sockets = 0;
    for (const LsofProcess& process : parsed.processes) {
        require(process.pid.value >= 0 && process.name.size() <= input.size());
        sockets += process.sockets.size();
        for (const Tuple& tuple : process.sockets) {
            require(tuple.protocol == Protocol::tcp || tuple.protocol == Protocol::udp);
        }
    }
    require(2 * (parsed.processes.size() + sockets + parsed.garbled) <=
            input.size() + 1); // a letter and a newline each
}
