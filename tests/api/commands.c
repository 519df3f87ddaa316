/* SPDX-License-Identifier: MIT
 *
 * commands.c - what a client may rely on when it sends a command.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static void a_command_is_accepted_and_its_effect_can_be_read(void **state)
{
    fixture *f = *state;
    http_reply got = client_request(f->port, "POST", "/api/notes/mochi", JSON,
                                    "{\"text\":\"hello\",\"points\":3}");
    assert_int_equal(got.status, 202);
    expect_holds(got.body, "\"correlationId\":\"");
    expect_holds(got.body, "\"position\":\"notes/");
    expect_holds(got.body, "\"eventId\":\"");
    char header[256];
    snprintf(header, sizeof header, "If-Position: %s\r\n", reply_header(&got, "Stream-Position"));
    http_reply seen = client_request(f->port, "GET", "/api/notes/mochi", header, NULL);
    assert_int_equal(seen.status, 200);
    expect_holds(seen.body, "\"text\":\"hello\"");
    expect_holds(seen.body, "\"points\":3");
    reply_done(&seen);
    reply_done(&got);
}

static int set_up(void **state)
{
    *state = fixture_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    fixture_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_accepted_and_its_effect_can_be_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
