// SPDX-License-Identifier: MIT
#include "processes/machine.hpp"

#include "linux/error.hpp"
#include "linux/file.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/utsname.h>

#include <algorithm>
#include <map>
#include <memory>
#include <span>

namespace socktally {

namespace {

std::optional<Address> address_of(const sockaddr* address)
{
    if (address != nullptr && address->sa_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
        return Address::from_bytes(std::as_bytes(std::span(&v4->sin_addr, 1)));
    }
    if (address != nullptr && address->sa_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
        return Address::from_bytes(std::as_bytes(std::span(&v6->sin6_addr, 1)));
    }
    return std::nullopt;
}

} // namespace

std::string host_name()
{
    utsname names{};
    return ::uname(&names) == 0 ? names.nodename : "";
}

std::string boot_id()
{
    constexpr std::size_t limit = 256;
    std::string buffer;
    const auto text = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", buffer, limit);
    std::string_view rest = text.value_or("");
    return std::string(next_word(rest));
}

std::vector<Interface> interfaces()
{
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        throw errno_error("cannot list this machine's interfaces");
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
    std::map<std::uint32_t, Interface> by_index;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        const std::string_view label(entry->ifa_name); // of an address it may be an alias such as eth0:1
        const std::string name(label.substr(0, label.find(':')));
        const std::uint32_t index = ::if_nametoindex(name.c_str());
        if (index == 0) {
            continue; // gone meanwhile
        }
        Interface& interface = by_index[index];
        interface.index = index;
        interface.name = name;
        interface.is_loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
        interface.is_up = (entry->ifa_flags & IFF_UP) != 0;
        if (const auto address = address_of(entry->ifa_addr)) {
            interface.addresses.push_back(*address);
        }
    }
    std::vector<Interface> result;
    std::transform(by_index.begin(), by_index.end(), std::back_inserter(result),
                   [](auto& entry) { return std::move(entry.second); });
    return result;
}

} // namespace socktally
