/* SPDX-License-Identifier: MIT
 *
 * limits.h - the named maximum of everything that could otherwise grow without bound. Sizes are
 * bytes unless the name says otherwise.
 */
#pragma once

enum {
    RIACHO_KEY_BYTES_MAX = 32 * 1024,
    RIACHO_VALUE_BYTES_MAX = 1024 * 1024,
    RIACHO_HEADERS_MAX = 64,
    RIACHO_HEADERS_BYTES_MAX = 64 * 1024,
    RIACHO_TOPIC_NAME_BYTES_MAX = 249,
    RIACHO_PARTITIONS_MAX = 1024,
    RIACHO_APPEND_RECORDS_MAX = 100000,
    RIACHO_APPEND_BYTES_MAX =
        128 * 1024 * 1024, /* of one append, or of the outputs of one commit */

    RIACHO_SCHEMA_BYTES_MAX = 1024 * 1024,
    RIACHO_SCHEMA_DEPTH_MAX = 32,
    RIACHO_SCHEMA_FIELDS_MAX = 1000,
    RIACHO_SCHEMA_NODES_MAX = 10000,   /* types in one type, counted as often as they occur */
    RIACHO_DECODE_ITEMS_MAX = 1000000, /* of all arrays and maps of one value together */
    RIACHO_DECODE_MEMORY_FACTOR =
        64, /* arena bytes a decode may take for each byte of input, beside 64 KiB */

    RIACHO_YAML_BYTES_MAX = 1024 * 1024,
    RIACHO_YAML_DEPTH_MAX = 64,
    RIACHO_YAML_ERRORS_MAX = 100,
    RIACHO_NODES_MAX = 1000,
    RIACHO_EXPRESSION_BYTES_MAX = 4096,
    RIACHO_EXPRESSION_DEPTH_MAX = 64,

    RIACHO_OVERLAY_BYTES_MAX = 64 * 1024 * 1024,
    RIACHO_FETCH_RECORDS_MAX =
        1000, /* buffered for one partition before it is paused: buffered.records.per.partition */
    RIACHO_TASKS_MAX = 4096,

    RIACHO_HTTP_BODY_BYTES_MAX = 64 * 1024,
    RIACHO_HTTP_WAIT_MS_MAX = 30000,
    RIACHO_IDEMPOTENCY_KEY_BYTES_MAX = 64,
    RIACHO_PAGE_ITEMS_MAX = 1000,
};
