// SPDX-License-Identifier: MIT
// Passes lines about decisions of the program to a sink, if -vv is given. The caller provides the sink, because only
// the upper folders print. Without a sink, no line is formatted.
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
