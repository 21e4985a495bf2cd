/* SPDX-License-Identifier: MIT */
/* A row of the iterator over open files, as files.bpf.c writes it and socket_files.cpp reads it. */
#ifndef SOCKTALLY_FILES_H
#define SOCKTALLY_FILES_H

#include "linux/bpf_types.h"

struct files_row {
    tally_u64 inode;    /* of the socket or namespace */
    tally_u64 start_ns; /* of the group leader, since boot */
    tally_u64 stack_start; /* of the group leader's memory */
    tally_u32 tgid;     /* in the first pid namespace */
    tally_u32 uid;      /* effective, of the group leader */
    tally_u32 fd;
    tally_u32 is_namespace; /* of any kind */
    char name[TALLY_NAME_LENGTH]; /* of the group leader */
};
TALLY_ASSERT(sizeof(struct files_row) == 56);

#endif
