/* SPDX-License-Identifier: MIT
 *
 * damage.c - see damage.h. The file holds the reason, for people; that it is there is what counts.
 */
#include "damage.h"

#include "base/macros.h"
#include "base/text.h"
#include "files.h"

static const char file_name[] = "DAMAGED";

riacho_status riacho_damage_write(const char *folder, const char *reason, riacho_error *err)
{
    return riacho_files_replace(folder, file_name, riacho_text(reason), err);
}

riacho_status riacho_damage_check(const char *folder, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_bytes reason;
    RIACHO_TRY(
        riacho_files_read(riacho_format(arena, "%s/%s", folder, file_name), arena, &reason, err));
    if (!reason.data)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT, "%.150s was found damaged while it was in use: %.*s",
                       folder, reason.size < 300 ? (int)reason.size : 300,
                       (const char *)reason.data);
}
