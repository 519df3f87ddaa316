/* SPDX-License-Identifier: MIT
 *
 * good.c - a processor library with one function; built under several names and with other ABIs by
 * tests/runtime/CMakeLists.txt.
 */
#include "riacho/processor.h"

#ifndef LIBRARY_ABI
#define LIBRARY_ABI RIACHO_ABI
#endif

__attribute__((unused)) static riacho_status keep(riacho_ctx *ctx, const riacho_record *record,
                                                  bool *ret_keep)
{
    (void)ctx;
    *ret_keep = record->value != NULL;
    return RIACHO_OK;
}

static const riacho_function functions[] = {
    {.name = LIBRARY_FUNCTION, .kind = RIACHO_FUNCTION_FILTER, .test = LIBRARY_TEST},
};

const riacho_exports riacho_library = {
    .abi = LIBRARY_ABI,
    .name = LIBRARY_NAME,
    .version = "1",
    .functions = functions,
    .function_count = 1,
};
