/* Rooms, and what is said in them. */

#include <string.h>

#include "ask.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "chat/console.h"
#include "core/permission.h"
#include "read.h"
#include "store/feed.h"
#include "v1.h"

/* --- commands ----------------------------------------------------------------------------------------------------- */

struct saying {
    const char *room; /* NULL: said nowhere */
    int64_t said_ms;  /* when it was */
    struct err err;   /* why it was not understood */
};

/* A room is in the order of time, so a reply is later than what it replies to, be it in the same millisecond. */
static void say(struct call *call, const char *author, const char *text) {
    struct saying *saying = call->state;
    if (saying->room != NULL && !str_empty(text)) {
        int64_t now_ms = clock_wall_ms();
        saying->said_ms = now_ms > saying->said_ms ? now_ms : saying->said_ms + 1;
        console_say(call->api->options.store, saying->room, author, text, saying->said_ms);
    }
}

static void command_replied(struct call *call, const struct operation_reply *reply) {
    const struct err *err = reply->err;
    say(call, "guidepost", reply->text);
    json_object_begin(&call->out, NULL);
    json_add_bool(&call->out, "ok", err == NULL);
    json_add_string(&call->out, "text", reply->text);
    json_add_string(&call->out, "error", err == NULL ? NULL : err_word((int)err->code));
    json_add_int(&call->out, "exit_code", err == NULL ? 0 : err_exit_code((int)err->code));
    json_add_int(&call->out, "deployment", (int64_t)reply->deployment);
    json_add_int(&call->out, "question", (int64_t)reply->question);
    json_add_raw(&call->out, "data", reply->json == NULL ? "null" : reply->json);
    json_object_end(&call->out);
    call_answer(call, 200);
}

static int parse_words(const struct call *call, const struct json *list, struct command *command, struct err *err) {
    const char **words = arena_array(call->arena, json_size(list) + 1, sizeof *words);
    size_t count = 0;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        if (!json_is_string(item)) {
            return err_set(err, ERR_INVALID, "words is a list of texts.");
        }
        words[count++] = json_string(item);
    }
    return command_parse_words(words, count, call->arena, command, err);
}

/* The room, which must be one of the configuration, as its text there. Rooms are for those who may view something. */
static bool find_room(struct call *call, const char *name, const char **ret_name) {
    const struct config_room *room = config_find_room(call->config, name);
    if (room == NULL) {
        call_refuse(call, ERR_NOT_FOUND, "There is no room '%.100s'.", name);
        return false;
    }
    if ((call_permissions(call, NULL, NULL) & PERMISSION_VIEW) == 0) {
        call_refuse(call, ERR_DENIED, "%s may not view anything, and so no room.", call->actor.name);
        return false;
    }
    *ret_name = room->name;
    return true;
}

/* --- a command that was not understood ---------------------------------------------------------------------------- */

static void not_understood(struct call *call) {
    const struct saying *saying = call->state;
    const struct operation_reply reply = {.err = &saying->err, .text = saying->err.text};
    command_replied(call, &reply);
}

/* "retry D311" meant one of its questions. */
static void meant_came(struct deployment_record *record, const struct err *err, void *user) {
    struct call *call = user;
    struct saying *saying = call->state;
    bool seen = record != NULL && read_keep(call, record);
    if (!call_continues(call, NULL)) {
        return;
    }
    const struct deployment *d = seen ? read_record(call)->deployment : NULL;
    if (err == NULL && d != NULL && d->question_count > 0) {
        struct buf text = BUF_INIT(ERR_TEXT_SIZE);
        buf_printf(&text, "%s D%llu's open question%s", saying->err.text, (unsigned long long)d->id,
                   d->question_count == 1 ? " is" : "s are");
        for (size_t i = 0; i < d->question_count; i++) {
            buf_printf(&text, "%s Q%llu", i == 0 ? "" : ",", (unsigned long long)d->questions[i].id);
        }
        buf_adds(&text, ".");
        (void)err_set(&saying->err, saying->err.code, "%s", text.data);
        buf_finish(&text);
    }
    not_understood(call);
}

static void help_further(struct call *call, uint64_t deployment) {
    if (deployment != 0) {
        store_load_deployment(call->api->options.store, deployment, meant_came, call);
    } else {
        not_understood(call);
    }
}

void v1_command(struct call *call) {
    const char *line = json_string(json_get(call->body, "line")), *room = json_string(json_get(call->body, "room"));
    const struct json *words = json_get(call->body, "words");
    struct saying *saying = call->state = arena_alloc(call->arena, sizeof *saying);
    struct operation operation = {0};
    if (line == NULL && !json_is_array(words)) {
        call_refuse(call, ERR_INVALID, "Send {\"line\": \"status\"} or {\"words\": [\"status\"]}.");
        return;
    }
    if (room != NULL && !find_room(call, room, &saying->room)) {
        return;
    }
    if (saying->room != NULL) {
        operation.place = (struct place){.adapter = "console", .room = saying->room};
        say(call, call->actor.name, line);
    }
    int result = line != NULL ? command_parse(line, call->arena, &operation.command, &saying->err)
                              : parse_words(call, words, &operation.command, &saying->err);
    if (result < 0) {
        help_further(call, operation.command.deployment);
        return;
    }
    ask_operation(call, &operation, command_replied);
}

/* --- reading a room ----------------------------------------------------------------------------------------------- */

struct message {
    const char *id, *body;
    int64_t posted_ms;
    uint64_t deployment; /* whose card it is, or 0 */
};

struct reading {
    const char *room;
    struct message *messages;
    size_t count;
    bool checked; /* call->records are the deployments that may be viewed; else all may */
};

static bool may_show(const struct call *call, const struct message *message) {
    const struct reading *reading = call->state;
    bool shown = message->deployment == 0 || !reading->checked;
    for (size_t i = 0; !shown && i < call->record_count; i++) {
        shown = call->records[i]->deployment->id == message->deployment;
    }
    return shown;
}

static void room_write(struct call *call) {
    const struct reading *reading = call->state;
    json_object_begin(&call->out, NULL);
    json_add_string(&call->out, "room", reading->room);
    json_array_begin(&call->out, "messages");
    for (size_t i = 0; i < reading->count; i++) {
        const struct message *message = &reading->messages[i];
        struct json *body = NULL;
        if (!may_show(call, message) || json_parse(message->body, strlen(message->body), &body, NULL) < 0) {
            continue;
        }
        json_object_begin(&call->out, NULL);
        json_add_string(&call->out, "id", message->id);
        json_add_int(&call->out, "posted", message->posted_ms);
        json_add_string(&call->out, "author", json_string(json_get(body, "author")));
        json_add_string(&call->out, "text", json_string(json_get(body, "text")));
        if (json_is_object(json_get(body, "card"))) {
            json_add_node(&call->out, "card", json_get(body, "card"));
        } else {
            json_add_null(&call->out, "card");
        }
        json_object_end(&call->out);
        json_free(body);
    }
    json_array_end(&call->out);
    json_object_end(&call->out);
    call_answer(call, 200);
}

static uint64_t deployment_of(const char *body) {
    struct json *root = NULL;
    if (json_parse(body, strlen(body), &root, NULL) < 0) {
        return 0;
    }
    int64_t id = json_int(json_path(root, "card.deployment"), 0);
    json_free(root);
    return (uint64_t)id;
}

static bool may_view_everything(const struct call *call) {
    const struct config *config = call->config;
    for (size_t i = 0; !call->actor.everything && i < config->project_count; i++) {
        for (size_t k = 0; k < config->environment_count; k++) {
            unsigned mine = call_permissions(call, config->projects[i].name, config->environments[k].name);
            if ((mine & PERMISSION_VIEW) == 0) {
                return false;
            }
        }
    }
    return true;
}

static void messages_came(const struct room_message *messages, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    struct reading *reading = call->state;
    if (!call_continues(call, err)) {
        return;
    }
    reading->messages = arena_array(call->arena, count + 1, sizeof *reading->messages);
    reading->checked = !may_view_everything(call);
    uint64_t *ids = arena_array(call->arena, count + 1, sizeof *ids);
    size_t id_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct message *message = &reading->messages[reading->count++];
        *message = (struct message){
            .id = arena_strdup(call->arena, messages[i].id),
            .body = arena_strdup(call->arena, messages[i].body),
            .posted_ms = messages[i].posted_ms,
            .deployment = reading->checked ? deployment_of(messages[i].body) : 0,
        };
        bool known = message->deployment == 0;
        for (size_t k = 0; !known && k < id_count; k++) {
            known = ids[k] == message->deployment;
        }
        if (!known) {
            ids[id_count++] = message->deployment;
        }
    }
    if (id_count > 0) {
        read_deployments(call, ids, id_count, room_write);
    } else {
        room_write(call);
    }
}

void v1_room(struct call *call) {
    struct reading *reading = call->state = arena_alloc(call->arena, sizeof *reading);
    if (find_room(call, call->params[0], &reading->room)) {
        room_read(call->api->options.store, reading->room, messages_came, call);
    }
}
