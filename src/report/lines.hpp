// SPDX-License-Identifier: MIT
// Splits input into lines, and into JSON objects that take several lines. The buffer does not grow past a limit.
// SnapshotParser parses the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// One or several lines of the input. At least `Lines::padding` bytes after the text may be read.
struct Extent {
    std::string_view text;
    std::uint64_t first_line = 0; // counted from 1
    std::uint64_t last_line = 0;
    bool is_overlong = false; // the line is longer than the limit; `text` is empty
};

class Lines {
public:
    static constexpr std::size_t padding = 64;
    static constexpr std::size_t longest = std::size_t{32} << 20; // bytes; holds a document with 100,000 connections
    static constexpr std::size_t block = std::size_t{256} << 10;

    /// `name` is the name of the input in error messages. The text of a line or object that is longer than `limit`
    /// bytes is not returned.
    Lines(int fd, std::string name, std::size_t limit = longest);

    /// Returns the next line that is not blank; null at the end of the input. The text is valid until the next call of
    /// next() or extend(). Throws if the input cannot be read, or if it is compressed.
    std::optional<Extent> next();

    /// Returns the JSON object that begins with the line that next() has returned, and ends in a later line. The next
    /// call of next() returns the line after the object. If there is no such object, returns null; the next call of
    /// next() then returns the next line. The text is valid until the next call of next() or extend().
    std::optional<Extent> extend();

    /// Returns whether extend() reached the end of the input before the end of the object.
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
    std::size_t start_ = 0; // start of the last line that was returned; the text before it is not needed any more
    std::size_t next_ = 0;  // start of the next line
    std::size_t end_ = 0;   // end of the text in the buffer
    std::uint64_t line_ = 0;
    bool has_ended_ = false;
    bool is_cut_off_ = false;
};

} // namespace socktally
