// SPDX-License-Identifier: MIT
// User names, through the system's own databases (nsswitch.conf); each uid is asked for once.
#pragma once

#include "model/ids.hpp"

#include <map>
#include <optional>
#include <string>

namespace socktally {

class Users {
public:
    /// The name, or the number in digits where there is none.
    const std::string& name(Uid uid);

private:
    std::map<Uid, std::string> names_;
};

/// By name, or by number in digits. Null where there is no such user.
std::optional<Uid> find_user(const std::string& name);

} // namespace socktally
