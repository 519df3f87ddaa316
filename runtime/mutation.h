/* SPDX-License-Identifier: MIT
 *
 * mutation.h - the engine's known mistakes, to be made on purpose: each is a mistake that an
 * exactly-once engine can make, and the simulator (tests/simulator) must notice every one of them.
 *
 * Only a build with RIACHO_FAULTS can make them; in every other build riacho_mutated is the
 * constant false, and the compiler removes what depends on it.
 *
 * Threads: chosen before the first worker is opened, then only read.
 */
#pragma once

#include <stdbool.h>

typedef enum riacho_mutation {
    RIACHO_MUTATION_NONE = 0,
    RIACHO_MUTATION_LSO,      /* a restore ends at the stable end, not at the end of everything */
    RIACHO_MUTATION_HW_FIRST, /* a restore's end is asked for before the committed positions */
    RIACHO_MUTATION_WRITE_FIRST,       /* state is written before its transaction is committed */
    RIACHO_MUTATION_META_APART,        /* positions and number are written after the changes */
    RIACHO_MUTATION_NO_GENERATION,     /* positions are sent as nobody: generation -1 */
    RIACHO_MUTATION_REUSE_PRODUCER,    /* a producer goes on after a sign of trouble */
    RIACHO_MUTATION_IGNORE_SCAN_ERROR, /* a scan that failed looks like one that ended */
    RIACHO_MUTATION_RESUME_UNOWNED,    /* tasks go on after their leases were lost */
    RIACHO_MUTATION_STANDBY_BEYOND,    /* a standby applies records that are not committed */
    RIACHO_MUTATION_EXPIRY_APART,      /* expired keys are deleted in a write of their own */
    RIACHO_MUTATIONS,
} riacho_mutation;

/* "lso", "hwFirst" ...; "none". */
const char *riacho_mutation_name(riacho_mutation mutation);
/* False: there is none of that name, or this build cannot make it. */
bool riacho_mutation_choose(const char *name);

#ifdef RIACHO_FAULTS
extern riacho_mutation riacho_mutation_chosen;

static inline bool riacho_mutated(riacho_mutation mutation)
{
    return riacho_mutation_chosen == mutation;
}
#else
static inline bool riacho_mutated(riacho_mutation mutation)
{
    (void)mutation;
    return false;
}
#endif
