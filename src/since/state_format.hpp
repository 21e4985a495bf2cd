// SPDX-License-Identifier: MIT
// The form of a state file, for who writes it and who reads it:
// {"schema":"socktally-state/2",…,"sockets":[[netns,cookie,rx,tx,orphan,absent,"10.0.0.2",443],…],"check":"…"}
// Numbers are what they are in Baseline; each byte of a name is one code point up to U+00FF, because names are any
// bytes and have to come back the same.
#pragma once

#include <string>
#include <string_view>

namespace socktally {

inline constexpr std::string_view state_schema_family = "socktally-state/";
inline constexpr std::string_view state_schema = "socktally-state/2";
inline constexpr std::string_view state_check_key = ",\"check\":\"";

/// What has to follow the text up to there.
std::string state_check(std::string_view body);

} // namespace socktally
