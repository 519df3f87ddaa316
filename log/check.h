/* SPDX-License-Identifier: MIT
 *
 * check.h - what every log backend refuses, and how it chooses a partition: one place, so that a
 * record which the memory log takes is also taken by the embedded one.
 *
 * Threads: pure functions.
 */
#pragma once

#include "riacho/port/log.h"

/* Kafka's name rule, the number of partitions, retention that is not negative. */
RIACHO_CHECKED riacho_status riacho_log_check_spec(const riacho_topic_spec *spec,
                                                   riacho_error *err);
/* A topic that is there keeps its partitions: RIACHO_REJECT names both counts. */
RIACHO_CHECKED riacho_status riacho_log_check_same(const riacho_topic_spec *held,
                                                   const riacho_topic_spec *wanted,
                                                   riacho_error *err);
/* The record's sizes, its partition, and a key where the topic is compacted. */
RIACHO_CHECKED riacho_status riacho_log_check_append(const riacho_topic_spec *spec,
                                                     const riacho_log_append *append,
                                                     riacho_error *err);
RIACHO_CHECKED riacho_status riacho_log_check_partition(const riacho_topic_spec *spec,
                                                        int32_t partition, riacho_error *err);
/* A reader cannot start behind the end: its positions are of another log. */
RIACHO_CHECKED riacho_status riacho_log_check_start(const riacho_log_assignment *assignment,
                                                    int64_t end, riacho_error *err);
/* A batch of appends is bounded in number and in bytes. */
RIACHO_CHECKED riacho_status riacho_log_check_total(size_t count, size_t bytes, riacho_error *err);

riacho_status riacho_log_no_topic(const char *topic, riacho_error *err);

/* Key, value and headers. */
size_t riacho_log_record_bytes(const riacho_log_record *record);

/* The partition that was asked for, or that of the key; `turn` chooses when there is no key. */
int32_t riacho_log_choose_partition(const riacho_topic_spec *spec, const riacho_log_append *append,
                                    uint32_t turn);
