/* SPDX-License-Identifier: MIT
 *
 * play.h - plays one test on the real engine and collects what did not hold.
 */
#pragma once

#include "engine.h"
#include "suite.h"

typedef struct riacho_failure {
    riacho_mark mark;
    size_t step; /* from 1; 0: after the last */
    const char *text;
    struct riacho_failure *following;
} riacho_failure;

typedef struct riacho_played {
    riacho_arena *arena; /* owns the failures */
    riacho_failure *failures;
    riacho_failure **last;
    size_t failure_count;
} riacho_played;

/* Everything a test is played with. */
typedef struct riacho_stage {
    const riacho_topology *topology; /* for the names of streams */
    const riacho_graph *graph;
    riacho_project *project;
    riacho_test_log log;
    const riacho_test *test;
    riacho_engine *engine;
    riacho_played *played;
    size_t step;
} riacho_stage;

void riacho_stage_play(riacho_stage *stage);
/* Notes a failure at a node. */
void riacho_stage_fail(riacho_stage *stage, const riacho_yaml_node *node, const char *format, ...)
    RIACHO_PRINTF(3, 4);
/* A stream's or table's topic; any other name is a topic. */
const char *riacho_stage_topic(const riacho_stage *stage, const char *name);
/* Reads a YAML value as bytes of the codec; NULL or null is absent. RIACHO_REJECT notes a failure.
 */
RIACHO_CHECKED riacho_status riacho_stage_encode(riacho_stage *stage, const riacho_yaml_node *node,
                                                 const riacho_codec *codec,
                                                 riacho_bytes *ret_bytes);

/* expect.c: `expect` of a test or a step; `out` of a step against what came out since the step
 * before. */
void riacho_stage_expect(riacho_stage *stage, const riacho_yaml_node *expect);
void riacho_stage_check_outs(riacho_stage *stage, const riacho_test_step *step);
/* Whether a second run of the same input leaves the same stores. */
void riacho_stage_check_replay(riacho_stage *stage, const riacho_yaml_node *node);
/* Sends what the test sends, without looking at anything. */
RIACHO_CHECKED riacho_status riacho_stage_feed(riacho_stage *stage, riacho_error *err);
