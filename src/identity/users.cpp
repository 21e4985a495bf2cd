// SPDX-License-Identifier: MIT
#include "identity/users.hpp"

#include "sys/proc.hpp"

#include <pwd.h>

#include <cstdint>

namespace socktally {

const std::string& Users::name(Uid uid)
{
    const auto [entry, is_new] = names_.try_emplace(uid);
    if (is_new) {
        const passwd* found = ::getpwuid(uid.value); // NOLINT(concurrency-mt-unsafe): one thread
        entry->second = found != nullptr ? found->pw_name : std::to_string(uid.value);
    }
    return entry->second;
}

std::optional<Uid> find_user(const std::string& name)
{
    if (const passwd* found = ::getpwnam(name.c_str())) { // NOLINT(concurrency-mt-unsafe): one thread
        return Uid{found->pw_uid};
    }
    const auto number = parse_number(name);
    return number && *number <= UINT32_MAX ? std::optional(Uid{static_cast<std::uint32_t>(*number)}) : std::nullopt;
}

} // namespace socktally
