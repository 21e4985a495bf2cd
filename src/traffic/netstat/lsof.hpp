// SPDX-License-Identifier: MIT
// Parses what `lsof -i -n -P +c 0 -F pcnPtTn` prints: which process holds which internet socket. Each line is one
// field, and its first character says which one. Fields of a process (p, c) come before those of its files (f, t, P, n,
// T). lsof prints control characters, backslashes and blanks of a name as escapes.
#pragma once

#include "model/flow.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct LsofProcess {
    Pid pid;
    std::string name;           // at most some 31 bytes
    std::vector<Tuple> sockets; // an unspecified address or port of lsof (`*`) is an empty address or 0 here
};

struct LsofProcesses {
    std::vector<LsofProcess> processes;
    std::size_t garbled = 0; // lines that could not be understood
};

LsofProcesses parse_lsof(std::string_view text);

} // namespace socktally
