/* SPDX-License-Identifier: MIT
 *
 * sink.c - writes records to a topic: a fixed one, or one that an expression chooses for each
 * record among those the topology allows.
 *
 * A null value becomes an absent one, so a table's deletes are tombstones of the topic.
 */
#include <string.h>

#include "chain.h"
#include "scope.h"

typedef struct sink_operator {
    riacho_operator base;
    riacho_buffer key;
    riacho_buffer value;
    riacho_result topic;
} sink_operator;

static riacho_status sink_init(riacho_operator *self, riacho_error *err)
{
    sink_operator *sink = (sink_operator *)self;
    if (!self->node->topic_expr)
        return RIACHO_OK;
    if (riacho_expr_type(self->node->topic_expr)->kind != RIACHO_STRING)
        return riacho_fail(err, RIACHO_REJECT, "the name of a topic is a string");
    sink->topic.size = sizeof(riacho_bytes);
    sink->topic.memory = riacho_alloc_zero(self->chain->lasting, 1, sink->topic.size);
    return RIACHO_OK;
}

static void sink_done(riacho_operator *self)
{
    sink_operator *sink = (sink_operator *)self;
    riacho_buffer_done(&sink->key);
    riacho_buffer_done(&sink->value);
}

static riacho_status choose_topic(riacho_operator *self, const riacho_record *record,
                                  int32_t *ret_topic)
{
    const riacho_node *node = self->node;
    riacho_chain *chain = self->chain;
    riacho_scope scope;
    riacho_scope_init(&scope, record);
    const void *chosen;
    RIACHO_TRY(riacho_scope_eval(&scope, self, node->topic_expr, &((sink_operator *)self)->topic,
                                 &chosen));
    if (!chosen)
        return riacho_fail(chain->error, RIACHO_REJECT, "the name of the topic is null");
    const riacho_bytes name = *(const riacho_bytes *)chosen;
    for (size_t i = 0; i < node->allowed_topic_count; i++) {
        const int32_t topic = node->allowed_topics[i];
        if (riacho_bytes_equal(riacho_text(chain->graph->topics[topic].name), name)) {
            *ret_topic = topic;
            return RIACHO_OK;
        }
    }
    return riacho_fail(chain->error, RIACHO_REJECT, "topic '%.*s' is not among the allowed ones",
                       name.size < 64 ? (int)name.size : 64, (const char *)name.data);
}

/* Absent for NULL. */
static riacho_status encode(riacho_operator *self, const riacho_data *data, const void *value,
                            riacho_buffer *buffer, riacho_bytes *ret_bytes)
{
    if (!value) {
        *ret_bytes = (riacho_bytes){0};
        return RIACHO_OK;
    }
    riacho_buffer_reset(buffer);
    RIACHO_TRY(riacho_encode(data->codec, value, buffer, self->chain->error));
    *ret_bytes = riacho_buffer_bytes(buffer);
    return RIACHO_OK;
}

static riacho_status sink(riacho_operator *self, const riacho_flow *flow)
{
    sink_operator *to = (sink_operator *)self;
    const riacho_node *node = self->node;
    riacho_host *host = self->chain->host;
    riacho_output output = {
        .topic = node->topic,
        .partition = -1,
        .timestamp_ms = flow->record.timestamp_ms,
        .headers = flow->record.headers,
    };
    if (node->topic_expr)
        RIACHO_TRY(choose_topic(self, &flow->record, &output.topic));
    RIACHO_TRY(encode(self, &node->in_key, flow->record.key, &to->key, &output.key));
    RIACHO_TRY(encode(self, &node->in_value, flow->record.value, &to->value, &output.value));
    riacho_count(&self->counts.out);
    return host->output(host, &output);
}

const riacho_operator_ops riacho_sink_ops = {
    .name = "to",
    .size = sizeof(sink_operator),
    .init = sink_init,
    .process = sink,
    .done = sink_done,
};
