/* math/kernels.c: chooses the kernels for this processor. */
#include "math/kernels.h"

#include <stdatomic.h>

#include "math/kernels_sets.h"

const odd_kernels *odd_kernels_set(size_t i)
{
    switch (i) {
    case 0:
        return &odd_kernels_baseline;
#ifdef ODD_X86_SETS
    case 1:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx")
                   ? &odd_kernels_v3
                   : NULL;
    case 2:
        return odd_kernels_set(1) && __builtin_cpu_supports("avx512f") &&
                       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
                   ? &odd_kernels_v4
                   : NULL;
#endif
    default:
        return NULL;
    }
}

const odd_kernels *odd_kernels_best(void)
{
    static _Atomic(const odd_kernels *) best;
    const odd_kernels *found = atomic_load_explicit(&best, memory_order_acquire);
    for (size_t i = ODD_KERNEL_SETS; !found && i-- > 0;)
        found = odd_kernels_set(i);
    atomic_store_explicit(&best, found, memory_order_release);
    return found;
}
