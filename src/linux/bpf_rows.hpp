// SPDX-License-Identifier: MIT
// Functions that read all rows of a BPF iterator, read all keys of a BPF hash map, and turn the facts that a BPF
// program reports into a Process.
#pragma once

#include "linux/clocks.hpp"
#include "linux/fd.hpp"
#include "model/flow.hpp"

#include <bpf/bpf.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

namespace socktally {

/// Runs the iterator of `link`, a descriptor, in the network namespace of the calling thread. Calls `take` with each
/// row. Returns 0 or an errno.
template <typename Row, typename Take>
int read_rows(int link, const Take& take)
{
    const Fd rows(::bpf_iter_create(link));
    if (!rows) {
        return errno;
    }
    std::array<std::byte, 32768> buffer; // one read(2) returns at most this many bytes
    std::size_t used = 0;
    while (true) {
        const ssize_t got = ::read(rows.get(), buffer.data() + used, buffer.size() - used);
        if (got < 0 && errno == EAGAIN) {
            continue; // the kernel pauses after a million objects without a row; the next read(2) goes on
        }
        if (got <= 0) {
            return got == 0 ? 0 : errno;
        }
        used += static_cast<std::size_t>(got);
        std::size_t taken = 0;
        for (; used - taken >= sizeof(Row); taken += sizeof(Row)) {
            Row row{};
            std::memcpy(&row, buffer.data() + taken, sizeof row);
            take(row);
        }
        std::memmove(buffer.data(), buffer.data() + taken, used - taken);
        used -= taken;
    }
}

/// Runs an iterator whose program writes no rows. Returns 0 or an errno.
inline int run_iterator(int link)
{
    return read_rows<std::byte>(link, [](std::byte) {});
}

/// Returns all keys of a hash map. May miss a key that a BPF program adds during the walk. No program may delete a key
/// during the walk, because then the walk would start again.
template <typename Key>
std::vector<Key> keys_of(int map)
{
    std::vector<Key> keys;
    Key next{};
    while (bpf_map_get_next_key(map, keys.empty() ? nullptr : &keys.back(), &next) == 0) {
        keys.push_back(next);
    }
    return keys;
}

/// Returns the pid namespace of this process. Returns null if it is the initial one, where process ids are the same as
/// those in BPF programs.
inline std::optional<struct stat> own_pid_namespace()
{
    constexpr ino_t first_namespace = 0xEFFFFFFC; // inode of the initial pid namespace (PROC_PID_INIT_INO)
    struct stat own {};
    return ::stat("/proc/self/ns/pid", &own) == 0 && own.st_ino != first_namespace ? std::optional(own) : std::nullopt;
}

/// Makes a Process from what a BPF program reports. `start_ns` is task_struct.start_boottime. `name` is a comm, which
/// may lack the NUL at its end.
template <std::size_t length>
Process process_of(std::int32_t pid, std::uint64_t start_ns, std::uint32_t uid, const char (&name)[length])
{
    Process process;
    process.pid = Pid{pid};
    process.start_time = StartTime{start_ticks_of(start_ns, boot_clock_shift())};
    process.name.assign(name, ::strnlen(name, length));
    process.uid = Uid{uid};
    return process;
}

} // namespace socktally
