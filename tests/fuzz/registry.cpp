// SPDX-License-Identifier: MIT
// The drivers by name. They register themselves before main() begins.
#include "fuzz.hpp"

#include <map>

namespace {

std::map<std::string_view, FuzzDriver>& drivers()
{
    static std::map<std::string_view, FuzzDriver> drivers;
    return drivers;
}

} // namespace

FuzzRegistration::FuzzRegistration(std::string_view name, FuzzDriver driver) { drivers().emplace(name, driver); }

FuzzDriver find_driver(std::string_view name)
{
    const auto found = drivers().find(name);
    return found != drivers().end() ? found->second : nullptr;
}
