/* SPDX-License-Identifier: MIT
 *
 * bench.c - see bench.h.
 */
#include "bench.h"

#include <string.h>

#include "riacho/port/clock.h"

enum { SETTINGS_MAX = 20, LEASES_WAIT_MS = 60000 };

riacho_status try_open(const char *servers, const char *const settings[], riacho_log **ret_log,
                       riacho_error *err)
{
    riacho_kafka_property properties[SETTINGS_MAX] = {{"bootstrap.servers", servers}};
    size_t count = 1;
    for (size_t i = 0; settings && settings[i]; i += 2) {
        assert_true(count < SETTINGS_MAX);
        properties[count++] = (riacho_kafka_property){settings[i], settings[i + 1]};
    }
    const riacho_kafka_log_options options = {.properties = properties,
                                              .property_count = count,
                                              .worker = "test",
                                              .memory_bytes = 16 << 20};
    return riacho_kafka_log_open(&options, ret_log, err);
}

riacho_log *open_log(const char *servers, const char *const settings[])
{
    riacho_error err;
    riacho_log *log;
    assert_ok(try_open(servers, settings, &log, &err));
    return log;
}

void make_topic(riacho_log *log, const char *name, int32_t partitions)
{
    riacho_error err;
    const riacho_topic_spec spec = {.name = name, .partitions = partitions};
    assert_ok(log->ops->topic_ensure(log, &spec, &err));
}

riacho_producer *open_producer(riacho_log *log, const char *id, riacho_delivery delivery)
{
    riacho_error err;
    riacho_producer *producer;
    const riacho_producer_options options = {.id = id, .delivery = delivery};
    assert_ok(log->ops->broker->producer_open(log, &options, &producer, &err));
    assert_done(log->ops->broker->init(producer, STEP_MS, &err));
    return producer;
}

void send_one(riacho_log *log, riacho_producer *producer, const char *topic, int32_t partition,
              const char *value)
{
    riacho_error err;
    size_t sent;
    const riacho_log_append record = {
        topic, partition, {.timestamp_ms = 1, .value = riacho_text(value)}};
    assert_done(log->ops->broker->send(producer, &record, 1, STEP_MS, &sent, &err));
    assert_int_equal(sent, 1);
}

void join(struct mate *mate, riacho_log *log, const char *group, const char *lease_topic,
          const char *name)
{
    riacho_error err;
    const riacho_member_options options = {
        .group = group, .lease_topic = lease_topic, .name = name, .address = "127.0.0.1:8080"};
    *mate = (struct mate){.log = log};
    assert_ok(log->ops->broker->member_join(log, &options, &mate->member, &err));
}

riacho_status step(struct mate *mate, int64_t wait_ms, riacho_error *err)
{
    const struct riacho_broker_ops *ops = mate->log->ops->broker;
    riacho_member_event event;
    const riacho_status status = ops->member_poll(mate->member, wait_ms, &event, err);
    if (status != RIACHO_OK || event.change == RIACHO_MEMBER_NONE)
        return status;
    const bool ours = event.change == RIACHO_MEMBER_ASSIGNED;
    for (size_t i = 0; i < event.count; i++) {
        assert_in_range(event.leases[i], 0, LEASES_MAX - 1);
        assert_true(mate->has[event.leases[i]] != ours);
        mate->has[event.leases[i]] = ours;
    }
    mate->count += ours ? event.count : -event.count;
    mate->lost += event.change == RIACHO_MEMBER_LOST ? event.count : 0;
    ops->member_answer(mate->member, &event);
    return RIACHO_OK;
}

int64_t now_ms(void)
{
    riacho_clock *clock = riacho_clock_system();
    return clock->monotonic_ns(clock) / 1000000;
}

int64_t await_leases(struct mate *a, size_t a_count, struct mate *b, size_t b_count)
{
    riacho_error err = {.text = ""};
    const int64_t start = now_ms();
    while (a->count != a_count || (b && b->count != b_count)) {
        if (now_ms() - start > LEASES_WAIT_MS)
            fail_msg("%zu and %zu leases, not %zu and %zu: %s", a->count, b ? b->count : 0, a_count,
                     b_count, err.text);
        (void)!step(a, 10, &err);
        if (b)
            (void)!step(b, 10, &err);
        for (size_t i = 0; b && i < LEASES_MAX; i++)
            assert_false(a->has[i] && b->has[i]);
    }
    return now_ms() - start;
}
