// SPDX-License-Identifier: MIT
// Passes lines about the program's decisions to a sink if -vv is given. Low rooms do not print, so the caller provides
// the sink. Without a sink nothing is formatted.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace socktally {

class Trace {
public:
    using Sink = void (*)(std::string_view line);

    Trace() = default;
    explicit Trace(Sink sink) : sink_(sink) {}

    explicit operator bool() const { return sink_ != nullptr; }

    template <typename... Args>
    void operator()(fmt::format_string<Args...> format, Args&&... args) const
    {
        if (sink_ != nullptr) {
            sink_(fmt::format(format, std::forward<Args>(args)...));
        }
    }

private:
    Sink sink_ = nullptr;
};

} // namespace socktally
