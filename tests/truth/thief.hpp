// SPDX-License-Identifier: MIT
// Time that is stolen, as a hypervisor or a suspended laptop does it: now and then one process of a case, the tool or
// one of the generator's, is stopped for up to a second.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace truth {

/// Steals from the descendants of the calling process as long as it lives.
class Thief {
public:
    explicit Thief(unsigned seed);
    Thief(const Thief&) = delete;
    Thief& operator=(const Thief&) = delete;
    ~Thief();

    /// A thief where the environment's SOCKTALLY_TRUTH_STEAL is a seed; `number` makes each case's its own.
    static void hire(std::optional<Thief>& thief, unsigned number);

private:
    pid_t pid_;
};

} // namespace truth
