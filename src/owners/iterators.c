// SPDX-License-Identifier: MIT
#include "owners/iterators.h"

#include <errno.h>

#include "files.skel.h"
#include "totals.skel.h"

/* Takes the descriptor out of the skeleton. Otherwise destroying the skeleton would close the descriptor. */
static int take(int* fd)
{
    const int taken = *fd;
    *fd = 0;
    return taken;
}

/* If a signal arrives during a load, the verifier gives up with EAGAIN. libbpf would load again, but a light skeleton
   does not. So a load is tried up to five times. */
enum { most_tries = 5 };

static int load_totals(struct iterators_totals* links)
{
    struct totals_bpf* skeleton = totals_bpf__open();
    if (!skeleton)
        return ENOMEM;
    int error = -totals_bpf__load(skeleton);
    if (error == 0)
        error = totals_bpf__attach(skeleton) < 0 ? errno : 0;
    if (error == 0) {
        links->tcp = take(&skeleton->links.write_tcp_fd);
        links->udp = take(&skeleton->links.write_udp_fd);
    }
    totals_bpf__destroy(skeleton);
    return error;
}

int iterators_load_totals(struct iterators_totals* links)
{
    int error = EAGAIN;
    for (int tries = 0; tries < most_tries && error == EAGAIN; ++tries)
        error = load_totals(links);
    return error;
}

static int load_files(int* link)
{
    struct files_bpf* skeleton = files_bpf__open();
    if (!skeleton)
        return ENOMEM;
    int error = -files_bpf__load(skeleton);
    if (error == 0)
        error = files_bpf__attach(skeleton) < 0 ? errno : 0;
    if (error == 0)
        *link = take(&skeleton->links.write_sockets_fd);
    files_bpf__destroy(skeleton);
    return error;
}

int iterators_load_files(int* link)
{
    int error = EAGAIN;
    for (int tries = 0; tries < most_tries && error == EAGAIN; ++tries)
        error = load_files(link);
    return error;
}
