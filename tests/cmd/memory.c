/* SPDX-License-Identifier: MIT
 *
 * memory.c - tests how a worker's memory is split.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/memory.h"

static void the_parts_are_within_the_whole(void **state)
{
    static const uint64_t budgets[] = {1 << 20, 128 << 20, (128 << 20) + 15, (uint64_t)1 << 40};
    (void)state;
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        const riacho_memory_shares shares = riacho_memory_split(budgets[i]);
        const uint64_t parts[] = {shares.log_bytes, shares.stores_bytes, shares.cache_bytes,
                                  shares.overlay_bytes};
        uint64_t sum = 0;
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            assert_true(parts[k] >= budgets[i] / 16);
            sum += parts[k];
        }
        assert_true(sum <= budgets[i]);
        assert_true(sum >= budgets[i] / 5 * 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_parts_are_within_the_whole)};
    return cmocka_run_group_tests_name("the split of memory", tests, NULL, NULL);
}
