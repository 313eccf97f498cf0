#ifndef TOLLGATE_ALLOCATION_COUNT_H
#define TOLLGATE_ALLOCATION_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether allocations are counted in this program: with glibc, and where no sanitizer has taken malloc for itself. */
bool tollgate_counts_allocations(void);

/* How often the calling thread has called malloc or one of its kin since it began; a realloc counts as one. Asking
 * allocates nothing. */
uint64_t tollgate_allocation_count(void);

#endif
