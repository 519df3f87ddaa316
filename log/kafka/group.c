/* SPDX-License-Identifier: MIT
 *
 * group.c - what the coordinator of a group knows: its members with their leases, and what it has
 * committed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "log/kafka/admin.h"
#include "log/kafka/shared.h"
#include "log/kafka/verdict.h"

enum { MEMBERS_WAIT_MS = 5000 };

/* ---- members --------------------------------------------------------------------------------- */

/* "riacho/<name>/<address>", or another program's name as a whole. */
static void read_client(const char *client, riacho_arena *arena, riacho_member_entry *entry)
{
    static const char ours[] = "riacho/";
    const char *name = client ? client : "";
    const char *slash = NULL;
    if (!strncmp(name, ours, strlen(ours))) {
        name += strlen(ours);
        slash = strchr(name, '/');
    }
    const riacho_bytes bytes = {name, slash ? (size_t)(slash - name) : strlen(name)};
    entry->name = riacho_copy(arena, bytes).data;
    entry->address = riacho_copy(arena, riacho_text(slash ? slash + 1 : "")).data;
}

static int by_lease(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void read_member(const rd_kafka_MemberDescription_t *member, riacho_arena *arena,
                        riacho_member_entry *entry)
{
    read_client(rd_kafka_MemberDescription_client_id(member), arena, entry);
    const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(member);
    const rd_kafka_topic_partition_list_t *leases =
        assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
    const size_t count = leases ? (size_t)leases->cnt : 0;
    int32_t *copy = riacho_alloc(arena, count * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = leases->elems[i].partition;
    if (count)
        qsort(copy, count, sizeof *copy, by_lease);
    entry->leases = copy;
    entry->lease_count = count;
}

riacho_status riacho_kafka_members(riacho_log *base, const char *group, riacho_arena *arena,
                                   riacho_member_entry **ret_entries, size_t *ret_count,
                                   riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    struct riacho_kafka_handle *client;
    RIACHO_TRY(riacho_kafka_admin_admit(log, group, &client, err));
    RIACHO_AUTO(kafka_admin) struct riacho_kafka_admin admin;
    riacho_kafka_admin_init(&admin, log, client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
                            MEMBERS_WAIT_MS);
    rd_kafka_DescribeConsumerGroups(client->rk, &group, 1, admin.options, admin.queue);
    RIACHO_TRY(riacho_kafka_admin_wait(&admin, group, err));
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(
            rd_kafka_event_DescribeConsumerGroups_result(admin.answer), &count);
    const rd_kafka_ConsumerGroupDescription_t *found = count ? groups[0] : NULL;
    if (!found)
        return riacho_fail(err, RIACHO_RETRY, "group %s: no answer about it", group);
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(found);
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    const bool is_new = code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND;
    if (code && !is_new)
        return riacho_kafka_status(client, code, group, rd_kafka_error_string(error), err);
    count = is_new ? 0 : rd_kafka_ConsumerGroupDescription_member_count(found);
    riacho_member_entry *entries = riacho_alloc_zero(arena, count, sizeof *entries);
    for (size_t i = 0; i < count; i++)
        read_member(rd_kafka_ConsumerGroupDescription_member(found, i), arena, &entries[i]);
    *ret_entries = entries;
    *ret_count = count;
    return RIACHO_OK;
}

/* ---- what is committed ----------------------------------------------------------------------- */

static rd_kafka_ListConsumerGroupOffsets_t *
request_of(const char *group, const riacho_committed *positions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, positions[i].position.topic,
                                          positions[i].position.partition);
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_topic_partition_list_destroy(list);
    return request;
}

static riacho_status read_positions(struct riacho_kafka_handle *client,
                                    const rd_kafka_topic_partition_list_t *answer,
                                    riacho_arena *arena, riacho_committed *positions, size_t count,
                                    riacho_error *err)
{
    for (int i = 0; i < answer->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &answer->elems[i];
        if (at->err)
            return riacho_kafka_status(client, at->err, at->topic, rd_kafka_err2str(at->err), err);
    }
    for (size_t i = 0; i < count; i++) {
        riacho_position *position = &positions[i].position;
        const rd_kafka_topic_partition_t *at =
            rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)(uintptr_t)answer,
                                               position->topic, position->partition);
        position->next = at && at->offset >= 0 ? at->offset : -1;
        positions[i].note = at ? riacho_kafka_note_read(at, arena) : (riacho_bytes){0};
    }
    return RIACHO_OK;
}

/* Asks once; answers of transactions that are not over are errors of their partitions. */
static riacho_status fetch_once(struct riacho_kafka_log *log, const char *group,
                                riacho_arena *arena, riacho_committed *positions, size_t count,
                                int wait_ms, riacho_error *err)
{
    struct riacho_kafka_handle *client;
    RIACHO_TRY(riacho_kafka_admin_admit(log, group, &client, err));
    RIACHO_AUTO(kafka_admin) struct riacho_kafka_admin admin;
    riacho_kafka_admin_init(&admin, log, client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
                            wait_ms);
    rd_kafka_error_t *refused = rd_kafka_AdminOptions_set_require_stable_offsets(admin.options, 1);
    assert(!refused);
    (void)refused;
    rd_kafka_ListConsumerGroupOffsets_t *request = request_of(group, positions, count);
    rd_kafka_ListConsumerGroupOffsets(client->rk, &request, 1, admin.options, admin.queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    RIACHO_TRY(riacho_kafka_admin_wait(&admin, group, err));
    size_t group_count;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(admin.answer), &group_count);
    if (!group_count)
        return riacho_fail(err, RIACHO_RETRY, "group %s: no answer about it", group);
    const rd_kafka_error_t *error = rd_kafka_group_result_error(groups[0]);
    if (error)
        return riacho_kafka_status(client, rd_kafka_error_code(error), group,
                                   rd_kafka_error_string(error), err);
    return read_positions(client, rd_kafka_group_result_partitions(groups[0]), arena, positions,
                          count, err);
}

riacho_status riacho_kafka_fetch(riacho_log *base, const char *group, riacho_arena *arena,
                                 riacho_committed *positions, size_t count, int64_t wait_ms,
                                 riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    const int64_t deadline = riacho_kafka_deadline(wait_ms);
    if (!count)
        return RIACHO_OK;
    for (;; usleep(RIACHO_KAFKA_PAUSE_MS * 1000)) {
        const riacho_status status =
            fetch_once(log, group, arena, positions, count, riacho_kafka_left(deadline), err);
        if (status != RIACHO_RETRY || riacho_kafka_left(deadline) <= RIACHO_KAFKA_PAUSE_MS)
            return status;
    }
}
