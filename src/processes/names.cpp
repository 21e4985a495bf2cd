// SPDX-License-Identifier: MIT
#include "processes/names.hpp"

#include "linux/file.hpp"
#include "linux/netns.hpp"
#include "linux/proc.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_for_name = 2s;
constexpr auto good_for = 1min;          // how long a name is kept; windows may be too short for a look-up in each
constexpr auto longest_for_filter = 10s; // this long, because the filter does not work without the answer

std::optional<Inode> to_inode(const std::optional<std::uint64_t>& number)
{
    return number ? std::optional(Inode{*number}) : std::nullopt;
}

} // namespace

std::string host_name()
{
    utsname names{};
    return ::uname(&names) == 0 ? names.nodename : "";
}

void Users::begin_window()
{
    std::erase_if(names_, [this](const auto& entry) { return entry.second.window != window_; });
    ++window_;
}

const std::string& Users::name(Uid uid)
{
    Known& known = names_[uid];
    const bool is_asked = known.window == window_;
    known.window = window_;
    if (is_asked || Lookups::Clock::now() < known.asked_again) {
        return known.name;
    }
    const UserAnswer answer = lookups_.find_user(uid, longest_for_name);
    if (answer.in_time) {
        known.is_answered = true;
        known.asked_again = Lookups::Clock::now() + good_for;
        known.name = answer.user ? answer.user->name : std::to_string(uid.value);
    } else if (!known.is_answered) {
        known.name = std::to_string(uid.value);
    }
    return known.name;
}

std::size_t Users::unanswered() const
{
    return static_cast<std::size_t>(std::count_if(names_.begin(), names_.end(), [this](const auto& entry) {
        return entry.second.window == window_ && !entry.second.is_answered;
    }));
}

std::optional<Uid> find_user(const std::string& name)
{
    const UserAnswer answer = Lookups().find_user(name, longest_for_filter);
    if (answer.user) {
        return answer.user->uid;
    }
    const auto number = parse_number(name);
    if (!answer.in_time && !number) {
        throw std::runtime_error(
            fmt::format("the user database did not answer for {}: use the user's number", quote(name)));
    }
    return number && *number <= UINT32_MAX ? std::optional(Uid{static_cast<std::uint32_t>(*number)}) : std::nullopt;
}

std::vector<Address> find_host(const std::string& name)
{
    HostAnswer answer = Lookups().find_host(name, longest_for_filter);
    if (!answer.failure.empty()) {
        throw std::runtime_error(
            fmt::format("cannot find the addresses of the host {}: {}; use an address", quote(name), answer.failure));
    }
    return std::move(answer.addresses);
}

std::optional<std::uint16_t> find_port(const std::string& service)
{
    const PortAnswer answer = Lookups().find_port(service, longest_for_filter);
    if (!answer.in_time) {
        throw std::runtime_error(
            fmt::format("cannot find the port of the service {}: no answer in time; use its number", quote(service)));
    }
    return answer.port;
}

std::map<Service, std::string> service_names(const std::set<Service>& services)
{
    return services.empty() ? std::map<Service, std::string>() : Lookups().find_services(services, longest_for_name);
}

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
    // PID_MAX_LIMIT; larger numbers are inodes of namespaces, which are near 0xF0000000
    constexpr std::uint64_t last_pid = 1 << 22;
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
