// SPDX-License-Identifier: MIT
#include "report/lines.hpp"

#include "linux/error.hpp"
#include "util/text.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace socktally {

namespace {

bool is_blank_byte(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// Returns whether the text begins as a compressed file does.
bool is_compressed(std::string_view text)
{
    constexpr std::array<std::string_view, 3> beginnings{"\x1f\x8b", "\x28\xb5\x2f\xfd",
                                                         "\xfd\x37zXZ"}; // gzip, zstd, xz
    return std::any_of(beginnings.begin(), beginnings.end(),
                       [text](std::string_view beginning) { return text.starts_with(beginning); });
}

bool is_blank_line(std::string_view line) { return std::all_of(line.begin(), line.end(), is_blank_byte); }

/// Finds the end of a JSON object that takes several lines. Gives up as soon as the text cannot be an object, because
/// the valid lines after an unfinished object would be lost otherwise. Leaves other errors to the parser.
class ObjectEnd {
public:
    enum class State : std::uint8_t { within, ended, impossible };

    State feed(char c)
    {
        if (c == '\n') {
            return newline();
        }
        if (is_in_string_) {
            is_in_string_ = is_escaped_ || c != '"';
            is_escaped_ = !is_escaped_ && c == '\\';
            return State::within;
        }
        if (is_blank_byte(c)) {
            return State::within;
        }
        if (is_after_newline_ && c == '{' && last_ != ',' && last_ != '[' && last_ != ':') {
            return State::impossible;
        }
        is_after_newline_ = false;
        last_ = c;
        is_in_string_ = c == '"';
        return bracket(c);
    }

private:
    State newline()
    {
        is_after_newline_ = true;
        return is_in_string_ ? State::impossible : State::within;
    }
    State bracket(char c)
    {
        constexpr int deepest = 16; // our own objects have a depth of 3
        if (c == '{' || c == '[') {
            ++depth_;
        } else if (c == '}' || c == ']') {
            --depth_;
        }
        if (depth_ == 0) {
            return State::ended;
        }
        return depth_ > deepest ? State::impossible : State::within;
    }

    int depth_ = 0;
    char last_ = '\0'; // the last byte that is not blank
    bool is_in_string_ = false;
    bool is_escaped_ = false;
    bool is_after_newline_ = false;
};

} // namespace

Lines::Lines(int fd, std::string name, std::size_t limit)
    : fd_(fd), name_(std::move(name)), limit_(limit), capacity_(std::min(block, limit)),
      buffer_(std::make_unique_for_overwrite<char[]>(capacity_ + padding))
{
}

std::optional<Extent> Lines::next()
{
    while (true) {
        start_ = next_;
        skip_nuls();
        const auto newline = find_newline(start_);
        if (line_ == 0) {
            begin_input();
        }
        if (!newline && !has_ended_) {
            skip_line();
            return Extent{{}, line_, line_, true};
        }
        if (start_ == end_) {
            return std::nullopt;
        }
        const std::string_view line(buffer_.get() + start_, newline.value_or(end_) - start_);
        next_ = newline ? *newline + 1 : end_;
        ++line_;
        if (!is_blank_line(line)) {
            return Extent{line, line_, line_};
        }
    }
}

std::optional<Extent> Lines::extend()
{
    is_cut_off_ = false;
    ObjectEnd object;
    std::uint64_t newlines = 0;
    for (std::size_t length = 0;; ++length) {
        if (start_ + length == end_ && !fill()) {
            is_cut_off_ = has_ended_;
            return std::nullopt;
        }
        const char c = buffer_[start_ + length];
        newlines += c == '\n' ? 1 : 0;
        const auto state = object.feed(c);
        if (state == ObjectEnd::State::impossible) {
            return std::nullopt;
        }
        if (state == ObjectEnd::State::ended) {
            const auto newline = find_newline(start_ + length);
            const std::size_t line_end = newline.value_or(end_);
            const std::string_view text(buffer_.get() + start_, line_end - start_);
            if (newlines == 0 || (!newline && !has_ended_)) {
                return std::nullopt;
            }
            const std::uint64_t first = line_;
            line_ += newlines;
            next_ = newline ? line_end + 1 : line_end;
            return Extent{text, first, line_};
        }
    }
}

void Lines::begin_input()
{
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    const std::string_view text(buffer_.get() + start_, end_ - start_);
    if (is_compressed(text)) {
        throw std::runtime_error(quote(name_) + " is compressed: decompress it first, for example with zcat");
    }
    start_ += text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
}

/// Skips NULs. If a log is truncated while its writer has it open, the file may get a hole, which reads as NULs.
void Lines::skip_nuls()
{
    do {
        while (start_ < end_ && buffer_[start_] == '\0') {
            ++start_;
        }
        next_ = start_;
    } while (start_ == end_ && fill());
}

/// Reads more text into the buffer. May move the text in the buffer, and start_, next_ and end_ with it. Returns false
/// if the input has ended, or if the buffer is full and may not grow.
bool Lines::fill()
{
    if (has_ended_) {
        return false;
    }
    if (start_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + start_, end_ - start_);
        next_ -= start_;
        end_ -= start_;
        start_ = 0;
    }
    if (end_ == capacity_) {
        if (capacity_ == limit_) {
            return false;
        }
        capacity_ = std::min(limit_, capacity_ * 2);
        auto larger = std::make_unique_for_overwrite<char[]>(capacity_ + padding);
        std::memcpy(larger.get(), buffer_.get(), end_);
        buffer_ = std::move(larger);
    }
    ssize_t got = 0;
    do {
        got = ::read(fd_, buffer_.get() + end_, capacity_ - end_);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        throw errno_error("cannot read " + quote(name_));
    }
    has_ended_ = got == 0;
    end_ += static_cast<std::size_t>(got);
    return got > 0;
}

/// Returns the position of the first newline at or after `from`. Reads more text if needed. Returns null if the input
/// ends or the line exceeds the limit before a newline is found.
std::optional<std::size_t> Lines::find_newline(std::size_t from)
{
    std::size_t searched = from - start_;
    while (true) {
        const char* text = buffer_.get() + start_;
        const std::size_t length = end_ - start_;
        if (const void* found = std::memchr(text + searched, '\n', length - searched)) {
            return static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.get());
        }
        searched = length;
        if (!fill()) {
            return std::nullopt;
        }
    }
}

/// Skips the line that begins at start_ and does not fit into the buffer.
void Lines::skip_line()
{
    ++line_;
    while (!has_ended_) {
        const char* text = buffer_.get();
        if (const void* found = std::memchr(text + start_, '\n', end_ - start_)) {
            next_ = static_cast<std::size_t>(static_cast<const char*>(found) - text) + 1;
            return;
        }
        start_ = next_ = end_ = 0;
        fill();
    }
    start_ = next_ = end_;
}

} // namespace socktally
