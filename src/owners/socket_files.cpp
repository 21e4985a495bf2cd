// SPDX-License-Identifier: MIT
#include "owners/fd_table.hpp"

#include "linux/bpf_rows.hpp"
#include "linux/proc.hpp"
#include "owners/iterators.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace socktally {

namespace {

/// Reads the link in /proc of a file that is not a socket. If the link leads to a network namespace or an io_uring,
/// adds the namespace, or the sockets that are registered with the io_uring, to the table.
void add_by_link(FdTable& table, const files_row& row)
{
    std::array<char, 64> target{};
    const std::string process = fmt::format("/proc/{}", row.tgid);
    const ssize_t length = ::readlink(fmt::format("{}/fd/{}", process, row.fd).c_str(), target.data(), target.size());
    const std::string_view link(target.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    if (const auto netns = parse_netns_link(link)) {
        table.namespaces.push_back({Inode{*netns}, static_cast<int>(row.fd)});
    } else if (link == io_uring_link) {
        add_io_uring_sockets(AT_FDCWD, fmt::format("{}/fdinfo/{}", process, row.fd), table);
    }
}

void add(std::unordered_map<std::int32_t, FdTable>& tables, const files_row& row)
{
    const auto pid = static_cast<std::int32_t>(row.tgid);
    FdTable& table = tables[pid];
    const bool is_first = table.sockets.empty();
    if (row.kind == FILES_SOCKET) {
        table.sockets.push_back({Inode{row.inode}, static_cast<int>(row.fd)});
    } else {
        add_by_link(table, row);
    }
    if (is_first && !table.sockets.empty()) {
        table.status = FdTable::Status::ok;
        table.process = process_of(pid, row.start_ns, row.uid, row.name);
        table.process.stack_start = row.stack_start;
    }
}

} // namespace

std::shared_ptr<const SocketFiles> SocketFiles::load()
{
    int descriptor = -1;
    const bool is_loaded = !own_pid_namespace() && iterators_load_files(&descriptor) == 0;
    return is_loaded ? std::make_shared<const SocketFiles>(Fd(descriptor)) : nullptr;
}

std::optional<std::unordered_map<std::int32_t, FdTable>> SocketFiles::read() const
{
    std::unordered_map<std::int32_t, FdTable> tables;
    const int error = read_rows<files_row>(link_.get(), [&](const files_row& row) { add(tables, row); });
    return error == 0 ? std::optional(std::move(tables)) : std::nullopt;
}

} // namespace socktally
