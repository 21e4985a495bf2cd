// SPDX-License-Identifier: MIT
// What interfaces moved since the run before, out of counters that go on for as long as each interface is there. Pure.
#pragma once

#include "since/baseline.hpp"

namespace socktally {

/// The interfaces of `sample` have their counters, which become what moved since `before`, and notes for those of which
/// that is not known. Null: there was no run before, and they stay what they are. Returns the marks for the run after.
InterfaceMarks advance_interfaces(const InterfaceMarks* before, Sample& sample);

} // namespace socktally
