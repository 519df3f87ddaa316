/* SPDX-License-Identifier: MIT
 *
 * schema_requests.c - the keys of commands and queries (see schema_table.h).
 */
#include "schema_table.h"

#include "base/limits.h"

static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
static const riacho_words method_words = {methods, 4, NULL, 0};

static const riacho_key check_keys[] = {
    {"that", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_check_spec, that),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "What must hold, over the names that `value` may use; null counts as false."},
    {"at", RIACHO_KEY_TEXT, .offset = offsetof(riacho_check_spec, at), .fallback = "",
     .doc = "JSON Pointer to what is wrong in the body: `/text`."},
    {"message", RIACHO_KEY_TEXT, .offset = offsetof(riacho_check_spec, message),
     .presence = RIACHO_KEY_REQUIRED, .doc = "What the client is told."},
};
static const riacho_shape check_shape = {"Check",
                                         "a check",
                                         "A rule for requests; 422 when it does not hold.",
                                         sizeof(riacho_check_spec),
                                         offsetof(riacho_check_spec, mark),
                                         check_keys,
                                         sizeof check_keys / sizeof *check_keys};

static const riacho_key presence_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_presence_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A keyValue or ttl store."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_presence_spec, key),
     .presence = RIACHO_KEY_REQUIRED, .doc = "The key, over the names that `value` may use."},
};
static const riacho_shape presence_shape = {"Presence",
                                            "a key of a store",
                                            "A key of a store, as last committed.",
                                            sizeof(riacho_presence_spec),
                                            0,
                                            presence_keys,
                                            sizeof presence_keys / sizeof *presence_keys};

static const riacho_key command_keys[] = {
    {"method", RIACHO_KEY_WORD, .offset = offsetof(riacho_command_spec, method),
     .words = &method_words, .fallback = "POST", .doc = "The HTTP method."},
    {"path", RIACHO_KEY_TEXT, .offset = offsetof(riacho_command_spec, path),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "Below `http.basePath`, with parameters: `/pets/{id}/feed`. A literal wins over a "
            "parameter."},
    {"to", RIACHO_KEY_TEXT, .offset = offsetof(riacho_command_spec, to),
     .presence = RIACHO_KEY_REQUIRED, .doc = "The stream whose topic gets the event."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_command_spec, key),
     .doc = "The event's key, over `path query body header visitor subject now idempotencyKey "
            "uuid`. Needed unless keyType is `void`."},
    {"body", RIACHO_KEY_TEXT, .offset = offsetof(riacho_command_spec, body),
     .doc = "`json:Name` or `avro:Name`: the request's body, checked against the schema. No body "
            "is read when not said."},
    {"value", RIACHO_KEY_VALUE, .offset = offsetof(riacho_command_spec, value),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "The event: an expression for each field, or one expression."},
    {"checks", RIACHO_KEY_LIST, .offset = offsetof(riacho_command_spec, checks),
     .count_offset = offsetof(riacho_command_spec, checks_count), .shape = &check_shape,
     .doc = "Rules that schemas cannot say; all that do not hold are answered at once, with 422."},
    {"requires", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_command_spec, requires_key),
     .shape = &presence_shape,
     .doc =
         "404 unless the store has the key. It is looked up in committed state, so the fold that "
         "gets the event still has the last word."},
    {"refuses", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_command_spec, refuses_key),
     .shape = &presence_shape, .doc = "409 when the store has the key; looked up as `requires`."},
};
const riacho_shape riacho_command_shape = {
    "Command",
    "a command",
    "HTTP in: a request becomes a validated event in a topic.",
    sizeof(riacho_command_spec),
    offsetof(riacho_command_spec, mark),
    command_keys,
    sizeof command_keys / sizeof *command_keys};

static const riacho_key get_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A keyValue or ttl store."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, key),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "The key: an expression over the path's parameters, `query`, `header`, `visitor` and "
            "`subject`."},
};
static const riacho_shape get_shape = {"Get",
                                       "a get",
                                       "One value.",
                                       sizeof(riacho_lookup_spec),
                                       0,
                                       get_keys,
                                       sizeof get_keys / sizeof *get_keys};

static const riacho_key range_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A keyValue store."},
    {"prefix", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, prefix),
     .doc = "Only keys that begin with it; all keys when not said."},
    {"limit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, limit), .fallback = "50",
     .min = 1, .max = RIACHO_PAGE_ITEMS_MAX, .doc = "Items on a page."},
    {"maxLimit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, max_limit),
     .fallback = "100", .min = 1, .max = RIACHO_PAGE_ITEMS_MAX,
     .doc = "The most that a request may ask for."},
};
static const riacho_shape range_shape = {
    "Range", "a range",  "Values in the order of their keys.",  sizeof(riacho_lookup_spec),
    0,       range_keys, sizeof range_keys / sizeof *range_keys};

static const riacho_key top_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A ranking."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, key),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Which ranking of the store."},
    {"limit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, limit), .fallback = "10",
     .min = 1, .max = RIACHO_PAGE_ITEMS_MAX, .doc = "Members on a page."},
    {"maxLimit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, max_limit),
     .fallback = "100", .min = 1, .max = RIACHO_PAGE_ITEMS_MAX,
     .doc = "The most that a request may ask for."},
};
static const riacho_shape top_shape = {
    "Top", "a top",  "The members with the highest scores.", sizeof(riacho_lookup_spec),
    0,     top_keys, sizeof top_keys / sizeof *top_keys};

static const riacho_key rank_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A ranking."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, key),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Which ranking of the store."},
    {"member", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, member),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Whose rank."},
    {"around", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, around), .fallback = "0",
     .max = 50, .doc = "How many neighbours on each side."},
};
static const riacho_shape rank_shape = {
    "Rank", "a rank",  "The place of one member.",          sizeof(riacho_lookup_spec),
    0,      rank_keys, sizeof rank_keys / sizeof *rank_keys};

static const riacho_key list_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A list."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, key),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Which list of the store."},
    {"limit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, limit), .fallback = "20",
     .min = 1, .max = RIACHO_PAGE_ITEMS_MAX, .doc = "Values on a page."},
    {"maxLimit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, max_limit),
     .fallback = "100", .min = 1, .max = RIACHO_PAGE_ITEMS_MAX,
     .doc = "The most that a request may ask for."},
};
static const riacho_shape list_shape = {
    "ListPage", "a list",  "Pages of a list, newest first.",    sizeof(riacho_lookup_spec),
    0,          list_keys, sizeof list_keys / sizeof *list_keys};

static const char *const subscriptions[] = {"sse", "websocket"};
static const riacho_words subscription_words = {subscriptions, 2, NULL, 0};

static const riacho_key query_keys[] = {
    {"path", RIACHO_KEY_TEXT, .offset = offsetof(riacho_query_spec, path),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "Below `http.basePath`, with parameters: `/pets/{id}`. Always GET."},
    {"get", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, get), .shape = &get_shape,
     .doc = "One value of a keyValue or ttl store."},
    {"range", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, range), .shape = &range_shape,
     .doc = "Values of a keyValue store in key order."},
    {"top", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, top), .shape = &top_shape,
     .doc = "The highest members of a ranking."},
    {"rank", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, rank), .shape = &rank_shape,
     .doc = "The place of one member of a ranking."},
    {"list", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, list), .shape = &list_shape,
     .doc = "Pages of a list, newest first."},
    {"view", RIACHO_KEY_TEXT, .offset = offsetof(riacho_query_spec, view),
     .doc = "A pure function of the state and the present time that makes the reply: "
            "`library/function`, or a name under `functions`."},
    {"subscribe", RIACHO_KEY_WORDS, .offset = offsetof(riacho_query_spec, subscribe),
     .words = &subscription_words, .doc = "How browsers may follow its changes."},
    {"windows", RIACHO_KEY_LATER, .doc = NULL},
};
const riacho_shape riacho_query_shape = {
    "Query",
    "a query",
    "HTTP out: what a GET answers from a store. Exactly one of get, range, top, rank, list.",
    sizeof(riacho_query_spec),
    offsetof(riacho_query_spec, mark),
    query_keys,
    sizeof query_keys / sizeof *query_keys};
