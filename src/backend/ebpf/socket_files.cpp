// SPDX-License-Identifier: MIT
#include "backend/ebpf/socket_files.hpp"

#include "backend/ebpf/bpf_process.hpp"
#include "backend/ebpf/files.h"
#include "sys/fd.hpp"

// NOLINTBEGIN: generated
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "files.skel.h"
#pragma GCC diagnostic pop
// NOLINTEND
#include <bpf/bpf.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <vector>

namespace socktally {

namespace {

int say_nothing(libbpf_print_level, const char*, va_list) { return 0; }

using Skeleton = std::unique_ptr<files_bpf, decltype(&files_bpf__destroy)>;
using Link = std::unique_ptr<bpf_link, decltype(&bpf_link__destroy)>;

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
    if (own_pid_namespace()) {
        return std::nullopt;
    }
    libbpf_set_print(say_nothing);
    const Skeleton skeleton(files_bpf__open_and_load(), files_bpf__destroy);
    if (!skeleton) {
        return std::nullopt;
    }
    const Link link(bpf_program__attach_iter(skeleton->progs.write_sockets, nullptr), bpf_link__destroy);
    const Fd rows(link ? bpf_iter_create(bpf_link__fd(link.get())) : -1);
    if (!rows) {
        return std::nullopt;
    }
    std::unordered_map<std::int32_t, FdTable> tables;
    std::vector<std::byte> buffer(sizeof(files_row) * 4096);
    std::size_t used = 0;
    while (true) {
        const ssize_t got = ::read(rows.get(), buffer.data() + used, buffer.size() - used);
        if (got < 0 && errno == EAGAIN) {
            continue; // a task went while it was read
        }
        if (got < 0) {
            return std::nullopt;
        }
        if (got == 0) {
            return tables;
        }
        used += static_cast<std::size_t>(got);
        std::size_t taken = 0;
        for (; used - taken >= sizeof(files_row); taken += sizeof(files_row)) {
            files_row row{};
            std::memcpy(&row, buffer.data() + taken, sizeof row);
            add(tables, row);
        }
        std::memmove(buffer.data(), buffer.data() + taken, used - taken);
        used -= taken;
    }
}

} // namespace socktally
