// SPDX-License-Identifier: MIT
#include "backend/ebpf/socket_files.hpp"

#include "backend/ebpf/bpf_process.hpp"
#include "backend/ebpf/files.h"
#include "backend/ebpf/iterators.h"
#include "backend/ebpf/read_rows.hpp"

namespace socktally {

namespace {

void add(std::unordered_map<std::int32_t, FdTable>& tables, const files_row& row)
{
    const auto pid = static_cast<std::int32_t>(row.tgid);
    FdTable& table = tables[pid];
    if (table.sockets.empty()) {
        table.status = FdTable::Status::ok;
        table.process = process_of(pid, row.start_ns, row.uid, row.name);
    }
    table.sockets.push_back({Inode{row.inode}, static_cast<int>(row.fd)});
}

} // namespace

std::optional<std::unordered_map<std::int32_t, FdTable>> read_socket_files()
{
    int link = -1;
    if (own_pid_namespace() || iterators_load_files(&link) != 0) {
        return std::nullopt;
    }
    std::unordered_map<std::int32_t, FdTable> tables;
    const int error = read_rows<files_row>(Fd(link), [&](const files_row& row) { add(tables, row); });
    return error == 0 ? std::optional(std::move(tables)) : std::nullopt;
}

} // namespace socktally
