// SPDX-License-Identifier: MIT
// Stands in for socket_files.cpp in a build without libbpf.
#include "owners/fd_table.hpp"

namespace socktally {

std::optional<std::unordered_map<std::int32_t, FdTable>> read_socket_files() { return std::nullopt; }

bool can_read_socket_files() { return false; }

} // namespace socktally
