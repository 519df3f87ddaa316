/* SPDX-License-Identifier: MIT
 *
 * table.c - see table.h.
 */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PATIENCE_MS = 30000 };

table *table_new(uint32_t standbys)
{
    table *t = riacho_memory_get_zero(1, sizeof *t);
    t->f = fixture_new(&(fixture_options){.partitions = 2});
    t->standbys = standbys;
    simulation_init(&t->sim, 1);
    t->broker = model_broker_new(&t->sim);
    t->outside = model_client_new(t->broker);
    t->f->log->ops->close(t->f->log);
    t->f->log = t->outside;
    for (size_t i = 0; i < TABLE_SEATS; i++)
        t->seats[i].stores = riacho_memory_stores_new();
    return t;
}

void table_free(table *t)
{
    for (size_t i = 0; i < TABLE_SEATS; i++) {
        table_kill(t, i);
        t->seats[i].stores->ops->close(t->seats[i].stores);
    }
    t->f->worker = NULL;
    fixture_free(t->f); /* and its log, the client */
    model_broker_free(t->broker);
    simulation_done(&t->sim);
    free(t);
}

riacho_status table_try_sit(table *t, size_t i)
{
    seat *s = &t->seats[i];
    char name[8];
    snprintf(s->address, sizeof s->address, "127.0.0.1:300%zu", i);
    assert_null(s->worker);
    snprintf(name, sizeof name, "w%zu", i);
    s->client = model_client_new(t->broker);
    s->status = RIACHO_OK;
    const riacho_worker_options options = {
        .name = name,
        .log = s->client,
        .stores = s->stores,
        .clock = &t->sim.clock.clock,
        .group = "group",
        .address = s->address,
        .standbys = t->standbys,
        .overlay_bytes = t->memory_bytes,
        .cache_bytes = t->memory_bytes ? t->memory_bytes : 1024 * 1024,
        .fault = t->fault,
        .fault_arg = t,
    };
    riacho_status status = riacho_worker_open(&options, &s->worker, &s->error);
    if (status == RIACHO_OK)
        status = riacho_worker_add(s->worker, &t->f->graph, &s->error);
    if (status == RIACHO_OK)
        status = riacho_worker_start(s->worker, &s->error);
    return status;
}

void table_sit(table *t, size_t i)
{
    if (table_try_sit(t, i) != RIACHO_OK)
        fail_msg("start: %s", t->seats[i].error.text);
}

static void clear(table *t, size_t i)
{
    seat *s = &t->seats[i];
    riacho_worker_close(s->worker);
    s->client->ops->close(s->client);
    s->worker = NULL;
    s->client = NULL;
    (void)t;
}

void table_kill(table *t, size_t i)
{
    if (!t->seats[i].worker)
        return;
    model_client_cut(t->seats[i].client);
    clear(t, i);
}

void table_leave(table *t, size_t i)
{
    seat *s = &t->seats[i];
    riacho_status status = RIACHO_RETRY;
    for (int64_t ms = 0; ms < PATIENCE_MS && status == RIACHO_RETRY; ms += 5) {
        status = riacho_worker_stop(s->worker, &s->error);
        if (status == RIACHO_RETRY)
            table_pass(t, 5);
    }
    if (status != RIACHO_OK)
        fail_msg("stop: %s", s->error.text);
    clear(t, i);
}

void table_wipe(table *t, size_t i)
{
    assert_null(t->seats[i].worker);
    t->seats[i].stores->ops->close(t->seats[i].stores);
    t->seats[i].stores = riacho_memory_stores_new();
}

static void step(seat *s)
{
    for (riacho_part part = RIACHO_PART_CONTROL; part < RIACHO_PARTS; part++) {
        bool did;
        if (s->worker && s->status == RIACHO_OK)
            s->status = riacho_worker_step(s->worker, part, &did, &s->error);
    }
}

void table_pass(table *t, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        for (size_t k = 0; k < TABLE_SEATS; k++)
            step(&t->seats[k]);
        simulation_advance(&t->sim, 1);
    }
}

void table_until(table *t, bool (*holds)(table *t))
{
    for (int64_t ms = 0; ms < PATIENCE_MS; ms += 5) {
        if (holds(t))
            return;
        table_pass(t, 5);
    }
    for (size_t i = 0; i < TABLE_SEATS; i++) {
        if (t->seats[i].status != RIACHO_OK)
            fail_msg("worker w%zu: %s", i, t->seats[i].error.text);
    }
    fail_msg("it did not come to that");
}

/* ---- looking --------------------------------------------------------------------------------- */

size_t table_count(table *t, size_t i, riacho_task_state state)
{
    if (!t->seats[i].worker)
        return 0;
    const riacho_deployment *deployment = riacho_worker_deployment(t->seats[i].worker, "test");
    size_t count = 0;
    for (size_t k = 0; k < deployment->task_count; k++)
        count += atomic_load(&deployment->tasks[k]->state) == state;
    return count;
}

bool table_all_run(table *t)
{
    size_t count = 0;
    for (size_t i = 0; i < TABLE_SEATS; i++)
        count += table_count(t, i, RIACHO_TASK_RUNNING);
    return count == 4; /* two sub-topologies of two partitions */
}

static bool is_there(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    return at && (at[strlen(word)] == '@');
}

bool table_counted(table *t)
{
    char word[32];
    if (!table_all_run(t))
        return false;
    char *out = fixture_topic(t->f, FIXTURE_OUT);
    bool all = true;
    for (size_t key = 0; key < FIXTURE_KEYS; key++) {
        snprintf(word, sizeof word, "%s=%lld", fixture_key(key), (long long)t->f->sent[key]);
        all = all && (!t->f->sent[key] || is_there(out, word));
    }
    free(out);
    return all;
}

char *table_store(table *t, size_t i, int store)
{
    t->f->worker = t->seats[i].worker;
    char *text = fixture_store(t->f, store);
    t->f->worker = NULL;
    return text;
}
