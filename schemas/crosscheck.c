/* SPDX-License-Identifier: MIT
 *
 * crosscheck.c - see crosscheck.h. avro-c keeps its error text in static memory, hence the lock.
 */
#include "crosscheck.h"

#include <avro.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

riacho_status riacho_schema_crosscheck(riacho_bytes text, const char *origin, riacho_error *err)
{
    avro_schema_t schema = NULL;
    riacho_status status = RIACHO_OK;
    pthread_mutex_lock(&lock);
    if (avro_schema_from_json_length(text.data, text.size, &schema) != 0)
        status = riacho_fail(err, RIACHO_REJECT, "%s: avro-c refuses the schema: %s", origin,
                             avro_strerror());
    else
        avro_schema_decref(schema);
    pthread_mutex_unlock(&lock);
    return status;
}
