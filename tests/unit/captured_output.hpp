// SPDX-License-Identifier: MIT
// Standard output into a file of memory for as long as this lives.
#pragma once

#include "linux/fd.hpp"
#include "linux/file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace socktally::test {

class CapturedOutput {
public:
    CapturedOutput() : before_(::dup(STDOUT_FILENO)), file_(::memfd_create("output", MFD_CLOEXEC))
    {
        std::fflush(stdout);
        ::dup2(file_.get(), STDOUT_FILENO);
    }
    ~CapturedOutput() { ::dup2(before_.get(), STDOUT_FILENO); }
    CapturedOutput(const CapturedOutput&) = delete;
    CapturedOutput& operator=(const CapturedOutput&) = delete;

    std::string text() const
    {
        constexpr std::size_t limit = 16 << 20;
        std::string buffer;
        return std::string(reread_file(file_.get(), buffer, limit).value_or(""));
    }

private:
    Fd before_;
    Fd file_;
};

} // namespace socktally::test
