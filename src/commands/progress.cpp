// SPDX-License-Identifier: MIT
#include "commands/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace socktally {

Progress::~Progress()
{
    if (shown_) {
        print("\r\033[K");
    }
}

void Progress::show(std::chrono::nanoseconds elapsed)
{
    using Seconds = std::chrono::duration<double>;
    shown_ = true;
    print(fmt::format("\r\033[Ksampling, {:.0f} of {:.0f} s", Seconds(elapsed).count(), Seconds(window_).count()));
}

void Progress::print(std::string_view text)
{
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size()); // only a courtesy
}

} // namespace socktally
