// SPDX-License-Identifier: MIT
#include "identity/machine.hpp"

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/proc.hpp"

#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/utsname.h>

#include <memory>

namespace socktally {

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

std::vector<Address> local_addresses()
{
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        throw errno_error("cannot list this machine's addresses");
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
    std::vector<Address> addresses;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr) {
            continue;
        }
        if (entry->ifa_addr->sa_family == AF_INET) {
            const auto* v4 = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
            addresses.push_back(Address::from_bytes(std::as_bytes(std::span(&v4->sin_addr, 1))));
        } else if (entry->ifa_addr->sa_family == AF_INET6) {
            const auto* v6 = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
            addresses.push_back(Address::from_bytes(std::as_bytes(std::span(&v6->sin6_addr, 1))));
        }
    }
    return addresses;
}

} // namespace socktally
