// SPDX-License-Identifier: MIT
#include "processes/netns_names.hpp"

#include "linux/file.hpp"
#include "linux/netns.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace socktally {

namespace {

std::optional<Inode> to_inode(const std::optional<std::uint64_t>& number)
{
    return number ? std::optional(Inode{*number}) : std::nullopt;
}

} // namespace

void NetnsNames::read()
{
    const Directory listing = open_directory(AT_FDCWD, directory_.c_str());
    while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
        const std::string name = entry->d_name;
        struct stat status {};
        if (::fstatat(::dirfd(listing.get()), entry->d_name, &status, 0) != 0 || name == "." || name == "..") {
            continue;
        }
        const auto [known, is_new] = names_.try_emplace(Inode{status.st_ino}, name);
        if (!is_new && name < known->second) {
            known->second = name;
        }
    }
}

const std::string& NetnsNames::name(Inode netns)
{
    if (!is_read_) {
        is_read_ = true;
        read();
    }
    const auto [known, is_new] = names_.try_emplace(netns);
    if (is_new) {
        known->second = std::to_string(netns.value);
    }
    return known->second;
}

std::optional<Inode> find_netns(const std::string& text)
{
    constexpr std::uint64_t last_pid = 1 << 22; // PID_MAX_LIMIT; namespaces have numbers near 0xF0000000
    if (text == "current") {
        return to_inode(netns_inode("/proc/self/ns/net"));
    }
    if (text.find('/') == text.npos && text != "." && text != "..") {
        if (const auto named = netns_inode(named_netns_path(text))) {
            return Inode{*named};
        }
    }
    const auto number = parse_number(text);
    if (!number) {
        return std::nullopt;
    }
    return *number > last_pid ? Inode{*number} : to_inode(netns_inode("/proc/" + std::to_string(*number) + "/ns/net"));
}

} // namespace socktally
