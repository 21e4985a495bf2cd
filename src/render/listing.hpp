// SPDX-License-Identifier: MIT
// Plain tables of text that are not samples: --list-columns and doctor, in every format.
#pragma once

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
/// Aligned columns; the last one is as long as it is.
void render_listing_pretty(std::string& out, const Listing& listing, bool header);

} // namespace socktally
