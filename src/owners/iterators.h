/* SPDX-License-Identifier: MIT */
/* Loads the BPF iterators. With light skeletons the kernel itself adapts the programs to its structures, in a
   millisecond and without memory; libbpf reads all type information for that, which takes 12 ms and 12 MiB. Light
   skeletons are C, so this wrapper is C too. Needs Linux 5.17. */
#ifndef SOCKTALLY_ITERATORS_H
#define SOCKTALLY_ITERATORS_H

#include "linux/bpf_types.h"

enum files_kind { FILES_SOCKET, FILES_NAMESPACE, FILES_RING }; /* a namespace of any kind; perhaps an io_uring */

/* A row of the iterator over open files. files.bpf.c writes it, socket_files.cpp reads it. */
struct files_row {
    tally_u64 inode;    /* of the socket or namespace */
    tally_u64 start_ns; /* of the group leader, since boot */
    tally_u64 stack_start; /* of the group leader's memory */
    tally_u32 tgid;     /* in the initial pid namespace */
    tally_u32 uid;      /* effective, of the group leader */
    tally_u32 fd;
    tally_u32 kind; /* enum files_kind */
    char name[TALLY_NAME_LENGTH]; /* of the group leader */
};
TALLY_ASSERT(sizeof(struct files_row) == 56);

#ifdef __cplusplus
extern "C" {
#endif

/* Descriptors of links, which keep the programs loaded. read_rows() (linux/bpf_rows.hpp) reads through them. */
struct iterators_totals {
    int tcp;
    int udp;
};

/* Both return 0 or an errno. */
int iterators_load_totals(struct iterators_totals* links);
int iterators_load_files(int* link);

#ifdef __cplusplus
}
#endif

#endif
