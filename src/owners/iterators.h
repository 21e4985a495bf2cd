/* SPDX-License-Identifier: MIT */
/* Loads the BPF iterators from light skeletons. The kernel itself adapts the program of a light skeleton to its
   structures, in a millisecond and without extra memory. For other skeletons, libbpf reads the type information (BTF)
   of the whole kernel, which takes 12 ms and 12 MiB. Light skeletons are C, so this wrapper is C too. It needs Linux
   5.17. */
#ifndef SOCKTALLY_ITERATORS_H
#define SOCKTALLY_ITERATORS_H

#include "linux/bpf_types.h"

/* FILES_NAMESPACE is a namespace of any kind. FILES_RING is probably an io_uring. */
enum files_kind { FILES_SOCKET, FILES_NAMESPACE, FILES_RING };

/* A row of the iterator over open files. files.bpf.c writes it, socket_files.cpp reads it. */
struct files_row {
    tally_u64 inode;    /* inode of the socket or namespace */
    tally_u64 start_ns; /* start of the group leader in ns since boot */
    tally_u64 stack_start; /* address of the group leader's stack */
    tally_u32 tgid;     /* process id in the initial pid namespace */
    tally_u32 uid;      /* effective uid of the group leader */
    tally_u32 fd;
    tally_u32 kind; /* enum files_kind */
    char name[TALLY_NAME_LENGTH]; /* comm of the group leader */
};
TALLY_ASSERT(sizeof(struct files_row) == 56);

#ifdef __cplusplus
extern "C" {
#endif

/* Descriptors of BPF links. An iterator stays loaded while its link is open. read_rows() (linux/bpf_rows.hpp) reads the
   rows of a link. */
struct iterators_totals {
    int tcp;
    int udp;
};

/* These two functions return 0 or an errno. */
int iterators_load_totals(struct iterators_totals* links);
int iterators_load_files(int* link);

#ifdef __cplusplus
}
#endif

#endif
