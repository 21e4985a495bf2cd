// SPDX-License-Identifier: MIT
// What the program decides, a line an event, for whoever asked for it with -vv. Low rooms do not print, so where the
// lines go is given to them; nothing is formatted if nobody asked.
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
