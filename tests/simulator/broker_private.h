/* SPDX-License-Identifier: MIT
 *
 * broker_private.h - what the parts of the model share: requests and answers, the coordinators, and
 * clients with the objects that wait for answers.
 *
 *   broker.c        topics, the network, restarts
 *   transactions.c  the coordinator of transactions
 *   group.c         the coordinator of groups, and their positions
 *   client.c        a process: its log ops, calls that wait for an answer
 *   client_*.c      its readers, producers and members
 *
 * Threads: one.
 */
#pragma once

#include "base/map.h"
#include "broker.h"

typedef struct model_topic {
    riacho_topic_spec spec;
    model_partition *partitions;
    uint32_t turn;
} model_topic;

typedef struct model_place {
    model_topic *topic;
    int32_t partition;
} model_place;

/* ---- requests -------------------------------------------------------------------------------- */

typedef enum model_api {
    MODEL_INIT_PRODUCER = 1,
    MODEL_ADD_PARTITION,
    MODEL_ADD_OFFSETS,
    MODEL_PRODUCE,
    MODEL_SEND_OFFSETS,   /* of a transaction */
    MODEL_COMMIT_OFFSETS, /* without one */
    MODEL_END_TRANSACTION,
    MODEL_JOIN,
    MODEL_HEARTBEAT,
    MODEL_LEAVE,
} model_api;

enum { MODEL_NAME_BYTES = 80, MODEL_LEASES_MAX = 64 };

typedef struct model_leases {
    int32_t items[MODEL_LEASES_MAX];
    size_t count;
} model_leases;

/* Lives, with all it points to, as long as the broker: the caller, copies on their way and a
 * coordinator that answers later all look at the same one, which nobody changes. */
typedef struct model_request {
    model_api api;
    uint64_t client;
    uint64_t object;      /* of the client: who waits for the answer */
    uint64_t correlation; /* which of its calls */

    char id[MODEL_NAME_BYTES];    /* of the transactions, or of the group */
    char group[MODEL_NAME_BYTES]; /* ADD_OFFSETS, SEND_OFFSETS */
    int64_t producer;
    int16_t epoch;
    model_kind end; /* END_TRANSACTION */

    model_place place; /* ADD_PARTITION, PRODUCE */
    bool transactional;
    int32_t sequence;
    riacho_log_record *records;
    size_t count;
    riacho_committed *positions;

    char member[MODEL_NAME_BYTES]; /* "" before the first join */
    char name[MODEL_NAME_BYTES];
    char address[MODEL_NAME_BYTES];
    int32_t generation;
    model_leases owned;  /* JOIN */
    int32_t lease_count; /* JOIN: of the lease topic */
} model_request;

typedef struct model_reply {
    model_error error;
    int64_t producer;
    int16_t epoch;
    int64_t base;
    int32_t generation;
    char member[MODEL_NAME_BYTES];
    model_leases leases;
} model_reply;

/* ---- the broker ------------------------------------------------------------------------------ */

typedef struct model_transaction model_transaction; /* transactions.c */
typedef struct model_group model_group;             /* group.c */
typedef struct model_client model_client;

struct model_broker {
    simulation *sim;
    riacho_arena *arena;
    riacho_map topics;
    model_topic **order;
    size_t topic_count;
    model_transaction *transactions;
    model_group *groups;
    model_client **clients; /* open ones */
    size_t client_count;
    uint64_t last_client;
    int64_t last_producer;
    uint64_t last_member;
    int64_t away_until_ms;
    model_faults faults;
};

model_topic *model_topic_find(const model_broker *broker, const char *name);
model_topic *model_topic_new(model_broker *broker, const riacho_topic_spec *spec);
model_request *model_request_new(model_broker *broker, model_api api);
/* Copies a name into one of a request or answer. */
void model_name(char *name, const char *from);
/* Sends: the answer comes as an event, perhaps never. False: the connection broke and it was sent
 * again, so that it may arrive twice; its sender has seen that. */
bool model_send(model_broker *broker, const model_request *request);
/* Answers, at once or later. */
void model_answer(model_broker *broker, const model_request *request, const model_reply *reply);
/* A delay as of one way through the network. */
int64_t model_latency(model_broker *broker);

/* ---- transactions.c -------------------------------------------------------------------------- */

void model_transactions_free(model_broker *broker);
void model_transactions_request(model_broker *broker, const model_request *request);
/* Ends what took too long: called every now and then. */
void model_transactions_expire(model_broker *broker);

bool model_transaction_is_open(const model_broker *broker, int64_t producer);

/* ---- group.c --------------------------------------------------------------------------------- */

void model_groups_free(model_broker *broker);
void model_groups_request(model_broker *broker, const model_request *request);
/* The marker of a transaction reaches the group's positions. */
void model_group_mark(model_broker *broker, const char *group, int64_t producer, int16_t epoch,
                      model_kind kind);
/* Forgets pending positions that no transaction is open for. */
void model_groups_mend(model_broker *broker);
void model_groups_expire(model_broker *broker);
/* Sessions begin anew: after a restart of the broker. */
void model_groups_renew(model_broker *broker);
/* RIACHO_RETRY: one of them is pending. */
riacho_status model_group_fetch(model_broker *broker, const char *group, riacho_arena *arena,
                                riacho_committed *positions, size_t count, riacho_error *err);
size_t model_group_members(model_broker *broker, const char *group, riacho_arena *arena,
                           riacho_member_entry **ret_entries);

/* ---- clients --------------------------------------------------------------------------------- */

/* What waits for answers: a producer or a member. */
typedef struct model_object model_object;
typedef void model_answered(model_object *object, const model_request *request,
                            const model_reply *reply);

typedef struct model_call {
    struct model_call *next;
    const model_request *request;
} model_call;

struct model_object {
    model_object *next; /* of the client's */
    model_client *client;
    uint64_t id;
    model_answered *answered; /* also with MODEL_TIMED_OUT, once for each call */
    model_call *calls;
    bool trouble; /* a call timed out or was sent again, since the owner last forgot */
};

struct model_client {
    riacho_log log; /* first */
    model_broker *broker;
    uint64_t id;
    model_object *objects;
    uint64_t last_id;             /* of objects and calls */
    char group[MODEL_NAME_BYTES]; /* of its member; one at a time */
    int64_t frozen_until_ms;
    int64_t deaf_until_ms; /* as a member */
    bool cut;
};

model_client *model_client_of(riacho_log *log);
model_client *model_client_find(const model_broker *broker, uint64_t id);
void model_client_answer(model_client *client, uint64_t object, uint64_t correlation,
                         const model_reply *reply);
/* The process does nothing now: frozen or gone. */
bool model_client_rests(const model_client *client);
/* Takes its place among the client's objects. */
void model_object_init(model_object *object, model_client *client, model_answered *answered);
/* Forgets its calls; what is on its way goes on. */
void model_object_done(model_object *object);
/* Sends, and answers MODEL_TIMED_OUT when nothing came within timeout_ms. */
void model_call_start(model_object *object, model_request *request, int64_t timeout_ms);
/* A call that only asks fails by chance. */
riacho_status model_client_reach(model_client *client, riacho_error *err);

/* client_reader.c */
riacho_status model_reader_open(riacho_log *log, riacho_log_reader **ret_reader, riacho_error *err);
riacho_status model_reader_assign(riacho_log_reader *reader,
                                  const riacho_log_assignment *assignments, size_t count,
                                  riacho_error *err);
void model_reader_pause(riacho_log_reader *reader, const uint32_t *tags, size_t count);
void model_reader_resume(riacho_log_reader *reader, const uint32_t *tags, size_t count);
riacho_status model_reader_poll(riacho_log_reader *reader, int64_t wait_ms,
                                riacho_log_batch **ret_batch, riacho_error *err);
void model_reader_wake(riacho_log_reader *reader);
void model_batch_free(riacho_log_batch *batch);
void model_reader_close(riacho_log_reader *reader);

/* client_producer.c */
riacho_status model_producer_open(riacho_log *log, const riacho_producer_options *options,
                                  riacho_producer **ret_producer, riacho_error *err);
riacho_verdict model_producer_init(riacho_producer *producer, int64_t wait_ms, riacho_error *err);
riacho_verdict model_producer_begin(riacho_producer *producer, riacho_error *err);
riacho_verdict model_producer_send(riacho_producer *producer, const riacho_log_append *records,
                                   size_t count, int64_t wait_ms, size_t *ret_sent,
                                   riacho_error *err);
riacho_verdict model_producer_send_positions(riacho_producer *producer,
                                             const riacho_member_token *token,
                                             const riacho_committed *positions, size_t count,
                                             int64_t wait_ms, riacho_error *err);
riacho_verdict model_producer_commit(riacho_producer *producer, int64_t wait_ms, riacho_error *err);
riacho_verdict model_producer_abort(riacho_producer *producer, int64_t wait_ms, riacho_error *err);
void model_producer_ends(riacho_producer *producer, int64_t *ret_ends, size_t count);
bool model_producer_suspect(riacho_producer *producer);
void model_producer_close(riacho_producer *producer);

/* client_member.c */
riacho_status model_member_join(riacho_log *log, const riacho_member_options *options,
                                riacho_member **ret_member, riacho_error *err);
riacho_status model_member_poll(riacho_member *member, int64_t wait_ms,
                                riacho_member_event *ret_event, riacho_error *err);
void model_member_answer(riacho_member *member, const riacho_member_event *event);
riacho_member_token *model_member_token(riacho_member *member);
void model_member_token_free(riacho_member_token *token);
void model_member_leave(riacho_member *member);
