// SPDX-License-Identifier: MIT
#include "linux/threads.hpp"

#include "linux/error.hpp"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace socktally {

void in_threads(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& work)
{
    std::atomic<std::size_t> next = 0;
    const auto run = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            work(i);
        }
    };
    std::vector<std::jthread> running;
    running.reserve(threads);
    try {
        while (running.size() < std::min(threads, count)) {
            running.emplace_back(run);
        }
    } catch (const std::system_error& failure) { // too little memory, or too many of them: others do its share
        if (running.empty()) {
            throw errno_error("cannot start a thread", failure.code().value());
        }
    }
}

} // namespace socktally
