/* SPDX-License-Identifier: MIT
 *
 * mutation.c - see mutation.h.
 */
#include "mutation.h"

#include <string.h>

static const char *const names[RIACHO_MUTATIONS] = {
    [RIACHO_MUTATION_NONE] = "none",
    [RIACHO_MUTATION_LSO] = "lso",
    [RIACHO_MUTATION_HW_FIRST] = "hwFirst",
    [RIACHO_MUTATION_WRITE_FIRST] = "writeFirst",
    [RIACHO_MUTATION_META_APART] = "metaApart",
    [RIACHO_MUTATION_NO_GENERATION] = "noGeneration",
    [RIACHO_MUTATION_REUSE_PRODUCER] = "reuseProducer",
    [RIACHO_MUTATION_IGNORE_SCAN_ERROR] = "ignoreScanError",
    [RIACHO_MUTATION_RESUME_UNOWNED] = "resumeUnowned",
    [RIACHO_MUTATION_STANDBY_BEYOND] = "standbyBeyond",
    [RIACHO_MUTATION_EXPIRY_APART] = "expiryApart",
};

#ifdef RIACHO_FAULTS
riacho_mutation riacho_mutation_chosen;

static bool choose(riacho_mutation mutation)
{
    riacho_mutation_chosen = mutation;
    return true;
}
#else
static bool choose(riacho_mutation mutation)
{
    return mutation == RIACHO_MUTATION_NONE;
}
#endif

const char *riacho_mutation_name(riacho_mutation mutation)
{
    return names[mutation];
}

bool riacho_mutation_choose(const char *name)
{
    for (riacho_mutation i = RIACHO_MUTATION_NONE; i < RIACHO_MUTATIONS; i++) {
        if (strcmp(names[i], name) == 0)
            return choose(i);
    }
    return false;
}
