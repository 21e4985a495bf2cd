// SPDX-License-Identifier: MIT
#include "owners/fd_table.hpp"

#include "linux/bpf_rows.hpp"
#include "linux/proc.hpp"
#include "owners/iterators.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <string>

namespace socktally {

namespace {

/// Adds the namespace if the link says that it is a network namespace.
void add_namespace(FdTable& table, const files_row& row)
{
    std::array<char, 64> link{};
    const std::string path = fmt::format("/proc/{}/fd/{}", row.tgid, row.fd);
    const ssize_t length = ::readlink(path.c_str(), link.data(), link.size());
    const auto netns = length > 0 ? parse_netns_link({link.data(), static_cast<std::size_t>(length)}) : std::nullopt;
    if (netns) {
        table.namespaces.push_back({Inode{*netns}, static_cast<int>(row.fd)});
    }
}

void add(std::unordered_map<std::int32_t, FdTable>& tables, const files_row& row)
{
    const auto pid = static_cast<std::int32_t>(row.tgid);
    FdTable& table = tables[pid];
    if (row.is_namespace != 0) {
        add_namespace(table, row);
        return;
    }
    if (table.sockets.empty()) {
        table.status = FdTable::Status::ok;
        table.process = process_of(pid, row.start_ns, row.uid, row.name);
        table.process.stack_start = row.stack_start;
    }
    table.sockets.push_back({Inode{row.inode}, static_cast<int>(row.fd)});
}

/// Null if the kernel does not take the program, or its process ids would not be those of /proc here.
Fd load_iterator()
{
    int descriptor = -1;
    return Fd(!own_pid_namespace() && iterators_load_files(&descriptor) == 0 ? descriptor : -1);
}

} // namespace

bool can_read_socket_files() { return static_cast<bool>(load_iterator()); }

std::optional<std::unordered_map<std::int32_t, FdTable>> read_socket_files()
{
    const Fd link = load_iterator();
    if (!link) {
        return std::nullopt;
    }
    std::unordered_map<std::int32_t, FdTable> tables;
    const int error = read_rows<files_row>(link.get(), [&](const files_row& row) { add(tables, row); });
    return error == 0 ? std::optional(std::move(tables)) : std::nullopt;
}

} // namespace socktally
