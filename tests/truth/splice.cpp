// SPDX-License-Identifier: MIT
// splice(2) and sendfile(2), with a pipe or a file for the one call.
#include "splice.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace truth {

namespace {

struct Pipe {
    Fd reader;
    Fd writer;
    Pipe()
    {
        int ends[2];
        must(::pipe2(ends, O_CLOEXEC), "pipe");
        reader = Fd(ends[0]);
        writer = Fd(ends[1]);
    }
};

constexpr std::size_t chunk = 65'536;

Fd file_of(std::size_t bytes)
{
    Fd file(must(::memfd_create("truth", MFD_CLOEXEC), "memfd_create"));
    must(::ftruncate(file.get(), static_cast<off_t>(bytes)), "ftruncate");
    return file;
}

} // namespace

void splice_in(Self& self, int fd, std::size_t bytes)
{
    const Pipe pipe;
    std::vector<char> buffer(chunk);
    while (bytes > 0) {
        const ssize_t got =
            must(::splice(fd, nullptr, pipe.writer.get(), nullptr, std::min(bytes, chunk), SPLICE_F_MOVE), "splice in");
        if (got == 0) {
            throw std::runtime_error("the peer ended early");
        }
        bytes -= static_cast<std::size_t>(self.count_rx(got));
        for (ssize_t left = got; left > 0;) {
            left -= must(::read(pipe.reader.get(), buffer.data(), buffer.size()), "empty the pipe");
        }
    }
}

void splice_to_end(Self& self, int fd)
{
    for (;;) {
        const Pipe pipe;
        const ssize_t got =
            self.count_rx(must(::splice(fd, nullptr, pipe.writer.get(), nullptr, chunk, SPLICE_F_MOVE), "splice in"));
        if (got == 0) {
            return;
        }
    }
}

void splice_out(Self& self, int fd, std::size_t bytes)
{
    const Pipe pipe;
    const Fd file = file_of(bytes);
    while (bytes > 0) {
        ssize_t ready = must(::splice(file.get(), nullptr, pipe.writer.get(), nullptr, std::min(bytes, chunk), 0),
                             "splice to the pipe");
        bytes -= static_cast<std::size_t>(ready);
        while (ready > 0) {
            ready -= self.count_tx(
                must(::splice(pipe.reader.get(), nullptr, fd, nullptr, static_cast<std::size_t>(ready), SPLICE_F_MORE),
                     "splice out"));
        }
    }
}

void send_file(Self& self, int fd, std::size_t bytes)
{
    const Fd file = file_of(bytes);
    while (bytes > 0) {
        bytes -= static_cast<std::size_t>(self.count_tx(must(::sendfile(fd, file.get(), nullptr, bytes), "sendfile")));
    }
}

} // namespace truth
