// SPDX-License-Identifier: MIT
// One line on the terminal that says how far the window is; wiped by its destructor.
#pragma once

#include <chrono>
#include <string_view>

namespace socktally {

class Progress {
public:
    explicit Progress(std::chrono::nanoseconds window) : window_(window) {}
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void show(std::chrono::nanoseconds elapsed);

private:
    static void print(std::string_view text);

    std::chrono::nanoseconds window_;
    bool shown_ = false;
};

} // namespace socktally
