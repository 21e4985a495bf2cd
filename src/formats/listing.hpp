// SPDX-License-Identifier: MIT
// Plain tables of text that are not samples: --list-columns and doctor, in every format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

struct Listing {
    std::string name;                                          // of the array in JSON: "columns"
    std::vector<std::string> headers;                          // plain words
    std::vector<std::vector<std::optional<std::string>>> rows; // each as long as headers
};

void render_listing_tsv(std::string& out, const Listing& listing, bool header);
void render_listing_csv(std::string& out, const Listing& listing, bool header);
void render_listing_json(std::string& out, const Listing& listing);
void render_listing_jsonl(std::string& out, const Listing& listing);

/// Where the last column of a table goes that is too wide for the terminal.
enum class LastColumn : std::uint8_t {
    wrapped, // it stays where it is, broken between words
    beneath, // below the one before it, which is wrapped; in one piece, since it is a command to be copied
};

/// Aligned columns, as far as `width` allows.
void render_listing_pretty(std::string& out, const Listing& listing, bool header, std::size_t width, LastColumn last);

} // namespace socktally
