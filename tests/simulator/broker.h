/* SPDX-License-Identifier: MIT
 *
 * broker.h - a Kafka cluster in a model, for one simulation: topics, transactions and groups as a
 * broker keeps them, a network that loses, delays and repeats, and clients as processes have them.
 *
 * Written from what brokers and librdkafka do, and not from this project's Kafka log:
 *   - the end of a transaction is answered before its markers are written, and they are written to
 *     each partition, and to the group's positions, at moments of their own;
 *   - a request may come late, twice, or after its sender is gone; nothing protects a transaction
 *     from a late request of the one before it (no KIP-890) but a new epoch;
 *   - positions are fenced by member and generation, except for those of nobody (generation -1).
 *
 * Threads: one.
 */
#pragma once

#include "partition.h"
#include "riacho/port/broker.h"
#include "simulation.h"

typedef struct model_broker model_broker;

/* How bad the network is: so many of 10 000 requests. */
typedef struct model_faults {
    uint32_t lost;         /* never arrive */
    uint32_t late;         /* arrive after their sender gave up on them, or much later */
    uint32_t twice;        /* arrive again, later */
    uint32_t slow_produce; /* records that take their time, but less than anybody minds */
    uint32_t reply_lost;   /* are carried out, and nobody hears of it */
    uint32_t slow_marker;  /* markers, that come much later than the answer */
    uint32_t given_up;     /* calls that timed out: how often the client gives up its producer */
    uint32_t refused;      /* calls that only ask, and get RIACHO_RETRY */
} model_faults;

/* Timeouts of a model, all in ms of virtual time. */
enum {
    MODEL_REQUEST_MS = 400,
    MODEL_TRANSACTION_MS = 5000,
    MODEL_SESSION_MS = 2000,
    MODEL_HEARTBEAT_MS = 250,
    MODEL_REBALANCE_MS = 4000,
    MODEL_LATE_MS = 5000, /* the most that a late request is late */
};

model_broker *model_broker_new(simulation *sim);
void model_broker_free(model_broker *broker);
void model_broker_faults(model_broker *broker, const model_faults *faults);
/* Away for so long: every request is lost, what is on disk stays. */
void model_broker_restart(model_broker *broker, int64_t for_ms);
/* Ends what hangs: records and positions that came behind the end of their transaction, and wait
 * for another one's. A person does that with kafka-transactions.sh. */
void model_broker_mend(model_broker *broker);
/* Compacts, by chance, one partition of a compacted topic. */
void model_broker_compact(model_broker *broker);

/* A process with its connections: what a worker is given as its log. Closed by ops->close. */
riacho_log *model_client_new(model_broker *broker);
/* The process is gone: nothing more comes from it or reaches it. What it sent is on its way. Its
 * handles still have to be closed, to free them. */
void model_client_cut(riacho_log *log);
/* Stopped as by SIGSTOP, or going on. */
void model_client_freeze(riacho_log *log, int64_t until_ms);

/* Its heartbeats and joins are lost until then; all else goes on. */
void model_client_deafen(riacho_log *log, int64_t until_ms);

/* ---- to look inside -------------------------------------------------------------------------- */

/* NULL when there is no such topic or partition. */
model_partition *model_broker_partition(model_broker *broker, const char *topic, int32_t number);
int32_t model_broker_partitions(const model_broker *broker, const char *topic);
/* The name of topic `index`, NULL behind the last. */
const char *model_broker_topic(const model_broker *broker, size_t index);
/* -1: none; pending ones do not count. */
int64_t model_broker_position(model_broker *broker, const char *group, const char *topic,
                              int32_t partition);
/* Whether the transaction of a record is known to be committed, though perhaps not yet here. */
bool model_broker_is_committed(const model_broker *broker, const model_entry *entry);
/* Transactions that are not over, markers included. */
size_t model_broker_open_transactions(const model_broker *broker);
