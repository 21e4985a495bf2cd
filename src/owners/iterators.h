/* SPDX-License-Identifier: MIT */
/* The BPF iterators, loaded. Their light skeletons have the kernel itself fit the programs to its structures: a millisecond and no memory,
   where libbpf reads all type information for 12 ms and 12 MiB. They are C, so is what wraps them. Needs Linux 5.17. */
#ifndef SOCKTALLY_ITERATORS_H
#define SOCKTALLY_ITERATORS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Descriptors of links, which keep their programs; read_rows.hpp reads through them. */
struct iterators_totals {
    int tcp;
    int udp;
};

/* 0, or an errno. */
int iterators_load_totals(struct iterators_totals* links);
int iterators_load_files(int* link);

#ifdef __cplusplus
}
#endif

#endif
