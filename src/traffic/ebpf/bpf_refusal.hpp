// SPDX-License-Identifier: MIT
// Why the kernel does not take BPF programs, in words.
#pragma once

#include "traffic/backend.hpp"

namespace socktally {

/// `error` is the errno of the attempt. `otherwise` is what to say where it is nothing that keeps all BPF programs out.
Unavailable bpf_refusal(int error, Unavailable otherwise);

} // namespace socktally
