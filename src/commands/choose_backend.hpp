// SPDX-License-Identifier: MIT
// From the --backend option to an open backend.
#pragma once

#include "backend/backend.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace socktally {

struct Declined {
    std::string_view name;
    Unavailable reason;
};

struct Choice {
    std::unique_ptr<Backend> backend;
    std::string_view name;
    std::vector<Declined> declined; // better ones that cannot work here
};

/// `wanted` is a name of the table, or "auto": the first that opens. Throws UsageError or BackendUnavailable.
Choice choose_backend(const std::string& wanted, const BackendOptions& options, std::span<const BackendEntry> table);

} // namespace socktally
