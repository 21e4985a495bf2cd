/* SPDX-License-Identifier: MIT */
/* Fixed-width integers for BPF programs and for the code that reads their rows. */
#ifndef SOCKTALLY_BPF_TYPES_H
#define SOCKTALLY_BPF_TYPES_H

#ifdef __cplusplus
#include <cstdint>
using tally_u8 = std::uint8_t;
using tally_u16 = std::uint16_t;
using tally_u32 = std::uint32_t;
using tally_u64 = std::uint64_t;
#define TALLY_ASSERT(condition) static_assert(condition)
#else
typedef unsigned char tally_u8;
typedef unsigned short tally_u16;
typedef unsigned int tally_u32;
typedef unsigned long long tally_u64;
#define TALLY_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#define TALLY_NAME_LENGTH 16 /* TASK_COMM_LEN */

#endif
