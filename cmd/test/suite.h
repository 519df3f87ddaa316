/* SPDX-License-Identifier: MIT
 *
 * suite.h - a `kind: TopologyTest` document as data: tests made of steps and expectations.
 *
 * Values stay YAML nodes: what they must be is only known when the topology's types are. Lives in
 * the arena it was read into.
 */
#pragma once

#include "riacho/worker.h"
#include "topology/yaml.h"

/* One record that must come out. */
typedef struct riacho_test_out {
    const riacho_yaml_node *node;
    const char *from;
    const riacho_yaml_node *key;       /* NULL: not looked at */
    const riacho_yaml_node *value;     /* the same */
    const riacho_yaml_node *timestamp; /* the same */
    const riacho_yaml_node *headers;   /* the same */
} riacho_test_out;

typedef enum riacho_test_action {
    RIACHO_TEST_SEND = 1,
    RIACHO_TEST_ADVANCE,
    RIACHO_TEST_CRASH,
    RIACHO_TEST_RESTART,
    RIACHO_TEST_COMMIT,
    RIACHO_TEST_EXPECT,
} riacho_test_action;

typedef struct riacho_test_step {
    riacho_test_action action;
    const riacho_yaml_node *node;
    const riacho_yaml_node *operand; /* of send: the record; of expect: the expectations */
    int64_t wall_clock_ms;           /* ADVANCE */
    riacho_site site;                /* CRASH */
    const riacho_test_out *outs;
    size_t out_count;
    bool checks_out; /* `out` was said, even if empty */
} riacho_test_step;

typedef struct riacho_test {
    const char *name;
    const riacho_yaml_node *node;
    const riacho_test_step *steps;
    size_t step_count;
    const riacho_yaml_node *expect; /* may be NULL */
    const char
        *fixture; /* path of an Avro container file with values of fixture_topic; may be NULL */
    const char *fixture_topic;
    const char *fixture_key; /* the field that is the key; NULL: records without a key */
    bool manual_commit;
} riacho_test;

typedef struct riacho_suite {
    const char *name;
    const char *file;
    const riacho_yaml_file *yaml;
    const char *topology_path; /* resolved against the file's folder; NULL with `inline` */
    const riacho_yaml_node *inline_node;
    bool declared_partitions; /* `partitions: declared` instead of one for every topic */
    const riacho_test *tests;
    size_t test_count;
} riacho_suite;

/* RIACHO_REJECT when an issue was added. */
RIACHO_CHECKED riacho_status riacho_suite_read(const riacho_yaml_node *document,
                                               riacho_arena *arena, riacho_issue_list *issues,
                                               riacho_suite *ret_suite);
