// SPDX-License-Identifier: MIT
// Runs a driver as a regression test: over every file of its corpus, over every beginning of each, and over some
// thousands of mutations from a fixed seed. The same each time; libFuzzer is for finding what is new. Usage:
// fuzz PARSER CORPUS [MUTATIONS]
#include "fuzz.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <vector>

namespace {

using Input = std::vector<char>;

/// A copy of exactly its size, so that a sanitizer sees one byte too far.
void run(FuzzDriver driver, const Input& input, std::size_t length)
{
    const auto copy = std::make_unique<std::byte[]>(length);
    std::transform(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(length), copy.get(),
                   [](char c) { return static_cast<std::byte>(c); });
    driver({copy.get(), length});
}

std::vector<Input> read_corpus(const char* directory)
{
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    std::vector<Input> corpus;
    for (const auto& file : files) {
        std::ifstream stream(file, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    }
    return corpus;
}

class Mutator {
public:
    Input mutate(Input input, const Input& other)
    {
        for (unsigned changes = 1 + below(8); changes > 0; --changes) {
            change(input, other);
        }
        return input;
    }

private:
    unsigned below(std::size_t limit) { return static_cast<unsigned>(random_() % std::max<std::size_t>(limit, 1)); }
    auto anywhere(Input& input) { return input.begin() + below(input.size() + 1); }

    void change(Input& input, const Input& other)
    {
        constexpr char interesting[] = {0, 1, -1, 127, -128, ' ', '\n', ')', '(', ':', '.', '9', '[', '\t'};
        switch (below(6)) {
        case 0: input.insert(anywhere(input), static_cast<char>(below(256))); break;
        case 1: input.insert(anywhere(input), interesting[below(std::size(interesting))]); break;
        case 2: input.erase(anywhere(input), input.end()); break;
        case 3:
            input.insert(anywhere(input), other.begin(),
                         other.begin() + below(std::min<std::size_t>(other.size(), 64)));
            break;
        default:
            if (!input.empty()) {
                char& byte = input[below(input.size())];
                byte = below(2) == 0 ? interesting[below(std::size(interesting))]
                                     : static_cast<char>(byte ^ 1 << below(8));
            }
        }
    }

    std::minstd_rand random_{20261120};
};

} // namespace

int main(int argc, char** argv)
{
    if (argc != 3 && argc != 4) {
        std::fprintf(stderr, "usage: %s PARSER CORPUS [MUTATIONS]\n", argv[0]);
        return 2;
    }
    const FuzzDriver driver = find_driver(argv[1]);
    if (driver == nullptr) {
        std::fprintf(stderr, "%s: no such driver\n", argv[1]);
        return 2;
    }
    const std::vector<Input> corpus = read_corpus(argv[2]);
    if (corpus.empty()) {
        std::fprintf(stderr, "%s: no files\n", argv[2]);
        return 1;
    }
    constexpr long by_default = 20'000;
    const long mutations = argc == 4 ? std::atol(argv[3]) : by_default;
    for (const Input& input : corpus) {
        const std::size_t step = 1 + input.size() / 1000;
        for (std::size_t length = 0; length < input.size(); length += step) {
            run(driver, input, length);
        }
        run(driver, input, input.size());
    }
    Mutator mutator;
    for (std::size_t i = 0; i < static_cast<std::size_t>(mutations); ++i) {
        const Input input = mutator.mutate(corpus[i % corpus.size()], corpus[i * 7 % corpus.size()]);
        run(driver, input, input.size());
    }
    return 0;
}
