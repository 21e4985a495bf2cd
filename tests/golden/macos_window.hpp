// SPDX-License-Identifier: MIT
// Runs the netstat backend of macOS with programs that print the text of a scene (macos/fake). A scene is a directory
// in tests/golden/macos, named after a version of macOS. The text is not recorded, but written after descriptions.
#pragma once

#include "recorded_window.hpp"

#include <filesystem>
#include <optional>

namespace socktally::test {

/// `viewer`: the user that looked; null: root.
Replayed play_macos(const std::filesystem::path& scene, Extent extent, std::optional<Uid> viewer);

} // namespace socktally::test
