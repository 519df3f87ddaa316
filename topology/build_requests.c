/* SPDX-License-Identifier: MIT
 *
 * build_requests.c - commands (a request becomes an event) and queries (a request reads a store)
 * (see build.h).
 */
#include <string.h>

#include "build.h"

enum { RANGE_LIMIT = 50, TOP_LIMIT = 10, LIST_LIMIT = 20, MAX_LIMIT = 100 };

/* The names of a request, of which a query only uses some. */
static void request_scope(const riacho_type *body, riacho_expr_name names[RIACHO_COMMAND_COUNT])
{
    const riacho_expr_name all[RIACHO_COMMAND_COUNT] = {
        [RIACHO_COMMAND_PATH] = {"path", &riacho_type_string, RIACHO_NAME_LOOKUP_PRESENT},
        [RIACHO_COMMAND_QUERY] = {"query", &riacho_type_string, RIACHO_NAME_LOOKUP},
        [RIACHO_COMMAND_BODY] = {"body", body ? body : &riacho_type_null,
                                 body ? RIACHO_NAME_PRESENT : RIACHO_NAME_NULLABLE},
        [RIACHO_COMMAND_HEADER] = {"header", &riacho_type_string, RIACHO_NAME_LOOKUP},
        [RIACHO_COMMAND_VISITOR] = {"visitor", &riacho_type_string, RIACHO_NAME_PRESENT},
        [RIACHO_COMMAND_SUBJECT] = {"subject", &riacho_type_string, RIACHO_NAME_NULLABLE},
        [RIACHO_COMMAND_NOW] = {"now", &riacho_type_long, RIACHO_NAME_PRESENT},
        [RIACHO_COMMAND_IDEMPOTENCY_KEY] = {"idempotencyKey", &riacho_type_string,
                                            RIACHO_NAME_PRESENT},
        [RIACHO_COMMAND_UUID] = {"uuid", &riacho_type_string, RIACHO_NAME_PRESENT},
    };
    memcpy(names, all, sizeof all);
}

/* The file's name goes with the topology, the graph stays. */
static riacho_mark kept_mark(riacho_builder *builder, const riacho_mark *mark)
{
    riacho_mark kept = *mark;
    if (kept.file)
        kept.file = riacho_format(builder->arena, "%s", kept.file);
    return kept;
}

/* ---- commands ---- */

static const char *const method_words[] = {
    [RIACHO_METHOD_POST] = "POST",
    [RIACHO_METHOD_PUT] = "PUT",
    [RIACHO_METHOD_PATCH] = "PATCH",
    [RIACHO_METHOD_DELETE] = "DELETE",
};

static const char *method_of(const riacho_command_spec *spec)
{
    return method_words[spec->method ? spec->method : RIACHO_METHOD_POST];
}

static const riacho_type *body_of(riacho_builder *builder, const riacho_command_spec *spec)
{
    const riacho_where where = {&spec->body, &spec->mark};
    if (!spec->body)
        return NULL;
    const riacho_data body = riacho_build_word(builder, where, spec->body);
    if (riacho_build_is_unknown(&body))
        return NULL;
    if (body.codec->type->kind == RIACHO_RECORD)
        return body.codec->type;
    riacho_build_issue(builder, where, "write json:Name, where schemas/Name.avsc is a record",
                       "a body cannot be of type %s", body.word);
    return NULL;
}

static const riacho_expr *command_key(riacho_builder *builder, const riacho_command_spec *spec,
                                      const riacho_expr_scope *scope, const riacho_data *data)
{
    const riacho_where where = {&spec->key, &spec->mark};
    if (!spec->key) {
        if (data->codec->type->kind != RIACHO_NULL)
            riacho_build_issue(builder, where, NULL,
                               "a command needs 'key': the keys of '%.80s' are of type %s",
                               spec->to, data->word);
        return NULL;
    }
    const riacho_source_text source = riacho_build_source(where, spec->key);
    riacho_build_check_parameters(builder, &source, spec->path);
    return riacho_build_scoped(builder, &source, scope, data->codec->type);
}

static void check_parameters(riacho_builder *builder, const riacho_command_spec *spec,
                             const char *const *text)
{
    const riacho_source_text source = riacho_build_source((riacho_where){text, &spec->mark}, *text);
    riacho_build_check_parameters(builder, &source, spec->path);
}

static void check_value_parameters(riacho_builder *builder, const riacho_command_spec *spec)
{
    if (spec->value.expression)
        check_parameters(builder, spec, &spec->value.expression);
    for (size_t i = 0; i < spec->value.fields_count; i++)
        check_parameters(builder, spec, &spec->value.fields[i].expression);
}

static const riacho_expr *command_expr(riacho_builder *builder, const riacho_command_spec *spec,
                                       riacho_where where, const char *text,
                                       const riacho_expr_scope *scope, const riacho_type *expected)
{
    const riacho_source_text source = riacho_build_source(where, text);
    riacho_build_check_parameters(builder, &source, spec->path);
    return riacho_build_scoped(builder, &source, scope, expected);
}

static void command_checks(riacho_builder *builder, const riacho_command_spec *spec,
                           const riacho_expr_scope *scope, riacho_graph_command *command)
{
    riacho_graph_check *checks =
        riacho_alloc_zero(builder->arena, spec->checks_count, sizeof *checks);
    for (size_t i = 0; i < spec->checks_count; i++) {
        const riacho_check_spec *check = &spec->checks[i];
        if (!check->that || !check->message) {
            riacho_build_issue(builder, (riacho_where){NULL, &check->mark}, NULL,
                               "a check needs '%s'", check->that ? "message" : "that");
            continue;
        }
        checks[i] = (riacho_graph_check){
            .that = command_expr(builder, spec, (riacho_where){&check->that, &check->mark},
                                 check->that, scope, &riacho_type_boolean),
            .pointer = riacho_format(builder->arena, "%s", check->at ? check->at : ""),
            .message = riacho_format(builder->arena, "%s", check->message),
        };
    }
    command->checks = checks;
    command->check_count = spec->checks_count;
}

static riacho_graph_presence command_presence(riacho_builder *builder,
                                              const riacho_command_spec *spec,
                                              const riacho_presence_spec *presence,
                                              const riacho_expr_scope *scope)
{
    const riacho_where at_store = {&presence->store, &spec->mark};
    const riacho_where at_key = {&presence->key, &spec->mark};
    riacho_graph_presence made = {.store = RIACHO_NONE};
    if (!presence->store || !presence->key) {
        if (presence->store || presence->key)
            riacho_build_issue(builder, at_store, NULL, "'store' and 'key' belong together");
        return made;
    }
    const int32_t index = riacho_build_store_named(builder, at_store, presence->store);
    if (index == RIACHO_NONE)
        return made;
    const riacho_graph_store store = builder->stores[index];
    if (store.kind != RIACHO_STORE_KEYVALUE && store.kind != RIACHO_STORE_TTL) {
        riacho_build_issue(builder, at_store, NULL,
                           "a key is looked up in a keyValue or ttl store, and '%s' is another",
                           presence->store);
        return made;
    }
    if (riacho_build_is_unknown(&store.key))
        return made;
    made.key = command_expr(builder, spec, at_key, presence->key, scope, store.key.codec->type);
    made.store = made.key ? index : RIACHO_NONE;
    return made;
}

/* What the request is made into. Without the stream there is no type to check against. */
static void command_event(riacho_builder *builder, const riacho_command_spec *spec,
                          riacho_graph_command *command)
{
    const riacho_where to = {&spec->to, &spec->mark};
    const riacho_where at_value = {&spec->value, &spec->mark};
    riacho_expr_name names[RIACHO_COMMAND_COUNT];
    const riacho_expr_scope scope = {names, RIACHO_COMMAND_COUNT};
    command->body = body_of(builder, spec);
    command->body_word = spec->body ? riacho_format(builder->arena, "%s", spec->body) : NULL;
    request_scope(command->body, names);
    command->topic = riacho_build_stream_topic(builder, to, spec->to, RIACHO_TOPIC_COMMAND);
    check_value_parameters(builder, spec);
    if (spec->body && !command->body)
        return; /* an issue already */
    command_checks(builder, spec, &scope, command);
    command->requires_key = command_presence(builder, spec, &spec->requires_key, &scope);
    command->refuses_key = command_presence(builder, spec, &spec->refuses_key, &scope);
    if (command->topic == RIACHO_NONE)
        return;
    const riacho_graph_topic topic = builder->topics[command->topic];
    if (riacho_build_is_unknown(&topic.key) || riacho_build_is_unknown(&topic.value))
        return;
    command->key = command_key(builder, spec, &scope, &topic.key);
    if (!spec->value.expression && !spec->value.fields_count)
        riacho_build_issue(builder, (riacho_where){NULL, &spec->mark}, NULL,
                           "a command needs 'value'");
    else
        command->value = riacho_build_value(builder, at_value, &spec->value, &scope, &topic.value);
}

static void check_command_path(riacho_builder *builder, size_t index)
{
    const riacho_command_spec *commands = builder->topology->commands;
    const riacho_command_spec *spec = &commands[index];
    const riacho_where where = {&spec->path, &spec->mark};
    riacho_build_path(builder, where, spec->path);
    for (size_t i = 0; i < index; i++)
        if (commands[i].path && strcmp(method_of(&commands[i]), method_of(spec)) == 0 &&
            riacho_build_paths_clash(commands[i].path, spec->path))
            riacho_build_issue(builder, where, NULL, "%s %.200s is the command '%.80s' already",
                               method_of(spec), spec->path, commands[i].name);
}

void riacho_build_commands(riacho_builder *builder)
{
    const riacho_topology *topology = builder->topology;
    riacho_graph_command *commands =
        riacho_alloc_zero(builder->arena, topology->commands_count, sizeof *commands);
    for (size_t i = 0; i < topology->commands_count; i++) {
        const riacho_command_spec *spec = &topology->commands[i];
        const riacho_where where = {&spec->name, &spec->mark};
        riacho_build_name_valid(builder, where, "a command", spec->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(topology->commands[j].name, spec->name) == 0)
                riacho_build_issue(builder, where, NULL, "there are two commands '%s'", spec->name);
        if (!spec->path || !spec->to) {
            riacho_build_issue(builder, where, NULL, "a command needs '%s'",
                               spec->path ? "to" : "path");
            continue;
        }
        check_command_path(builder, i);
        commands[i] = (riacho_graph_command){
            .name = riacho_format(builder->arena, "%s", spec->name),
            .method = method_of(spec),
            .path = riacho_format(builder->arena, "%s", spec->path),
            .requires_key = {.store = RIACHO_NONE},
            .refuses_key = {.store = RIACHO_NONE},
            .mark = kept_mark(builder, &spec->mark),
        };
        command_event(builder, spec, &commands[i]);
    }
    builder->graph->commands = commands;
    builder->graph->command_count = topology->commands_count;
}

/* ---- queries ---- */

typedef struct query_reading {
    const char *word;
    riacho_query_kind kind;
    const riacho_lookup_spec *lookup;
    unsigned stores; /* bits of riacho_store_kind */
    const char *noun;
    uint32_t limit;
} query_reading;

static bool says_anything(const riacho_lookup_spec *lookup)
{
    return lookup->store || lookup->key || lookup->prefix || lookup->member || lookup->limit ||
           lookup->max_limit || lookup->around;
}

/* The one thing a query reads. False after an issue. */
static bool reading_of(riacho_builder *builder, const riacho_query_spec *spec,
                       query_reading *ret_reading)
{
    const query_reading all[] = {
        {"get", RIACHO_QUERY_GET, &spec->get, 1u << RIACHO_STORE_KEYVALUE | 1u << RIACHO_STORE_TTL,
         "a keyValue or ttl store", 0},
        {"range", RIACHO_QUERY_RANGE, &spec->range, 1u << RIACHO_STORE_KEYVALUE, "a keyValue store",
         RANGE_LIMIT},
        {"top", RIACHO_QUERY_TOP, &spec->top, 1u << RIACHO_STORE_RANKING, "a ranking", TOP_LIMIT},
        {"rank", RIACHO_QUERY_RANK, &spec->rank, 1u << RIACHO_STORE_RANKING, "a ranking", 0},
        {"list", RIACHO_QUERY_LIST, &spec->list, 1u << RIACHO_STORE_LIST, "a list", LIST_LIMIT},
    };
    bool found = false;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!says_anything(all[i].lookup))
            continue;
        if (found)
            riacho_build_issue(builder, (riacho_where){all[i].lookup, &spec->mark},
                               "make two queries of it",
                               "a query reads one thing, and this is both %s and %s",
                               ret_reading->word, all[i].word);
        else
            *ret_reading = all[i];
        found = true;
    }
    if (!found)
        riacho_build_issue(builder, (riacho_where){NULL, &spec->mark}, NULL,
                           "a query needs something to read: get, range, top, rank or list");
    return found;
}

static const riacho_expr *query_expr(riacho_builder *builder, const riacho_query_spec *spec,
                                     const char *const *text, const riacho_data *data)
{
    const riacho_where where = {text, &spec->mark};
    riacho_expr_name names[RIACHO_COMMAND_COUNT];
    const riacho_expr_scope scope = {names, RIACHO_COMMAND_COUNT};
    if (riacho_build_is_unknown(data))
        return NULL;
    request_scope(NULL, names);
    riacho_source_text source = riacho_build_source(where, *text);
    riacho_build_check_parameters(builder, &source, spec->path);
    riacho_build_spell_parameters(builder, spec->path, &source);
    return riacho_build_scoped(builder, &source, &scope, data->codec->type);
}

static void set_limits(riacho_builder *builder, const riacho_query_spec *spec,
                       const query_reading *reading, riacho_graph_query *query)
{
    const riacho_lookup_spec *lookup = reading->lookup;
    query->around = lookup->around;
    if (!reading->limit)
        return;
    query->limit = lookup->limit ? lookup->limit : reading->limit;
    query->max_limit = lookup->max_limit          ? lookup->max_limit
                       : query->limit > MAX_LIMIT ? query->limit
                                                  : MAX_LIMIT;
    if (!lookup->limit && query->limit > query->max_limit)
        query->limit = query->max_limit;
    if (query->limit > query->max_limit)
        riacho_build_issue(builder, (riacho_where){&lookup->limit, &spec->mark}, NULL,
                           "'limit' %u is more than 'maxLimit' %u", query->limit, query->max_limit);
}

static void set_keys(riacho_builder *builder, const riacho_query_spec *spec,
                     const query_reading *reading, riacho_graph_query *query)
{
    const riacho_lookup_spec *lookup = reading->lookup;
    const riacho_graph_store store = builder->stores[query->store];
    const bool range = reading->kind == RIACHO_QUERY_RANGE;
    const char *const *key = range ? &lookup->prefix : &lookup->key;
    if (*key)
        query->key = query_expr(builder, spec, key, &store.key);
    else if (!range)
        riacho_build_issue(builder, (riacho_where){lookup, &spec->mark}, NULL, "%s needs 'key'",
                           reading->word);
    if (range && *key && store.key.codec->type->kind != RIACHO_STRING &&
        !riacho_build_is_unknown(&store.key))
        riacho_build_issue(builder, (riacho_where){key, &spec->mark}, NULL,
                           "only strings have a prefix, and the keys of '%s' are of type %s",
                           store.name, store.key.word);
    if (reading->kind != RIACHO_QUERY_RANK)
        return;
    if (lookup->member)
        query->member = query_expr(builder, spec, &lookup->member, &store.value);
    else
        riacho_build_issue(builder, (riacho_where){lookup, &spec->mark}, NULL,
                           "rank needs 'member'");
}

static void set_view(riacho_builder *builder, const riacho_query_spec *spec,
                     const query_reading *reading, riacho_graph_query *query)
{
    const riacho_where where = {&spec->view, &spec->mark};
    const char *use = spec->view;
    if (!spec->view)
        return;
    if (reading->kind != RIACHO_QUERY_GET && reading->kind != RIACHO_QUERY_RANGE)
        riacho_build_issue(builder, where, NULL, "only get and range have a view");
    if (strchr(spec->view, '/')) {
        query->view =
            riacho_build_function_direct(builder, where, spec->view, RIACHO_FUNCTION_VIEW);
    } else {
        const riacho_function_spec *named =
            riacho_build_function(builder, where, spec->view, RIACHO_FUNCTION_VIEW, &query->view);
        use = named && named->use ? named->use : spec->view;
    }
    query->view_name = riacho_format(builder->arena, "%s", use);
    if (!query->view || query->store == RIACHO_NONE)
        return;
    const riacho_graph_store *store = &builder->stores[query->store];
    riacho_build_check_struct(builder, where, use, "a key", query->view->key, &store->key);
    riacho_build_check_struct(builder, where, use, "a state", query->view->state, &store->value);
}

static void build_reading(riacho_builder *builder, const riacho_query_spec *spec,
                          riacho_graph_query *query)
{
    query_reading reading;
    if (!reading_of(builder, spec, &reading))
        return;
    const riacho_where where = {&reading.lookup->store, &spec->mark};
    query->kind = reading.kind;
    query->store = RIACHO_NONE;
    if (reading.lookup->store)
        query->store = riacho_build_store_named(builder, where, reading.lookup->store);
    else
        riacho_build_issue(builder, where, NULL, "%s needs 'store'", reading.word);
    set_limits(builder, spec, &reading, query);
    set_view(builder, spec, &reading, query);
    if (query->store == RIACHO_NONE)
        return;
    if (!(reading.stores & 1u << builder->stores[query->store].kind))
        riacho_build_issue(builder, where, NULL, "%s reads %s, and '%s' is another", reading.word,
                           reading.noun, reading.lookup->store);
    else
        set_keys(builder, spec, &reading, query);
}

static void check_query_path(riacho_builder *builder, size_t index)
{
    const riacho_query_spec *queries = builder->topology->queries;
    const riacho_query_spec *spec = &queries[index];
    const riacho_where where = {&spec->path, &spec->mark};
    riacho_build_path(builder, where, spec->path);
    for (size_t i = 0; i < index; i++)
        if (queries[i].path && riacho_build_paths_clash(queries[i].path, spec->path))
            riacho_build_issue(builder, where, NULL, "GET %.200s is the query '%.80s' already",
                               spec->path, queries[i].name);
}

void riacho_build_queries(riacho_builder *builder)
{
    const riacho_topology *topology = builder->topology;
    riacho_graph_query *queries =
        riacho_alloc_zero(builder->arena, topology->queries_count, sizeof *queries);
    for (size_t i = 0; i < topology->queries_count; i++) {
        const riacho_query_spec *spec = &topology->queries[i];
        const riacho_where where = {&spec->name, &spec->mark};
        riacho_build_name_valid(builder, where, "a query", spec->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(topology->queries[j].name, spec->name) == 0)
                riacho_build_issue(builder, where, NULL, "there are two queries '%s'", spec->name);
        if (!spec->path) {
            riacho_build_issue(builder, where, NULL, "a query needs 'path'");
            continue;
        }
        check_query_path(builder, i);
        queries[i] = (riacho_graph_query){
            .name = riacho_format(builder->arena, "%s", spec->name),
            .path = riacho_format(builder->arena, "%s", spec->path),
            .store = RIACHO_NONE,
            .subscribe = spec->subscribe,
            .mark = kept_mark(builder, &spec->mark),
        };
        build_reading(builder, spec, &queries[i]);
    }
    builder->graph->queries = queries;
    builder->graph->query_count = topology->queries_count;
}
