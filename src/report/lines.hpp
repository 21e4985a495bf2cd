// SPDX-License-Identifier: MIT
// Input cut into lines, and into JSON objects that take several lines, within a buffer that does not grow past a limit.
// It does not interpret the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// Some lines of the input. At least `Lines::padding` bytes after the text may be read.
struct Extent {
    std::string_view text;
    std::uint64_t first_line = 0; // counted from 1
    std::uint64_t last_line = 0;
    bool is_overlong = false; // then there is no text
};

class Lines {
public:
    static constexpr std::size_t padding = 64;
    static constexpr std::size_t longest = std::size_t{32} << 20; // a document of 100,000 connections
    static constexpr std::size_t block = std::size_t{256} << 10;

    /// `name` is what errors call it. No line or object that is longer than `limit` is handed out.
    Lines(int fd, std::string name, std::size_t limit = longest);

    /// The next line that is not blank; null at the end. Its text is valid until the next call.
    /// Throws if the input cannot be read, or is compressed.
    std::optional<Extent> next();

    /// The object that begins with the line that next() gave last and ends with a later one. Null if there is none:
    /// then next() goes on with the line after that one. Its text is valid until the next call.
    std::optional<Extent> extend();

    /// Whether extend() found the end of the input before that of the object.
    bool is_cut_off() const { return is_cut_off_; }

private:
    void begin_input();
    void skip_nuls();
    bool fill();
    std::optional<std::size_t> find_newline(std::size_t from);
    void skip_line();

    int fd_;
    std::string name_;
    std::size_t limit_;
    std::size_t capacity_;
    std::unique_ptr<char[]> buffer_;
    std::size_t start_ = 0; // of the line that was handed out last; what is before it is no longer needed
    std::size_t next_ = 0;  // of the line after it
    std::size_t end_ = 0;   // of what was read
    std::uint64_t line_ = 0;
    bool has_ended_ = false;
    bool is_cut_off_ = false;
};

} // namespace socktally
