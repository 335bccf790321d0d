/*
 * What people say and click. Each envelope becomes a hearing: it is understood, its thread and its author are looked up,
 * what is wanted is started, the envelope is acknowledged once the effect is recorded, and the author hears privately
 * what came of it. What one hears of a click that worked, the card itself says.
 */

#include <string.h>

#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "hearing.h"
#include "store/feed.h"
#include "store/listeners.h"
#include "store/records.h"
#include "whisper.h"

enum {
    REMEMBERED = 1024,
    KEY_SIZE = 16, /* of a digest: enough to be told from all others */
};

struct listener {
    struct slack *slack;
    char keys[REMEMBERED][KEY_SIZE]; /* a ring of what was heard already; the store remembers effects longer */
    size_t next;
    struct hearing *hearings;
};

struct listener *listener_create(struct slack *slack) {
    struct listener *listener = mem_alloc(sizeof *listener);
    listener->slack = slack;
    return listener;
}

static void hearing_free(struct hearing *hearing) {
    *(hearing->previous != NULL ? &hearing->previous->next : &hearing->listener->hearings) = hearing->next;
    if (hearing->next != NULL) {
        hearing->next->previous = hearing->previous;
    }
    arena_destroy(hearing->arena);
    mem_free(hearing);
}

void listener_destroy(struct listener *listener) {
    if (listener == NULL) {
        return;
    }
    while (listener->hearings != NULL) {
        hearing_free(listener->hearings);
    }
    mem_free(listener);
}

static char *find_key(struct listener *listener, const char *digest) {
    for (size_t i = 0; i < REMEMBERED; i++) {
        if (memcmp(listener->keys[i], digest, KEY_SIZE) == 0) {
            return listener->keys[i];
        }
    }
    return NULL;
}

static bool heard_before(struct listener *listener, const char *key) {
    char digest[ID_DIGEST_SIZE];
    id_digest(digest, key, strlen(key));
    if (find_key(listener, digest) != NULL) {
        return true;
    }
    memcpy(listener->keys[listener->next], digest, KEY_SIZE);
    listener->next = (listener->next + 1) % REMEMBERED;
    return false;
}

/* Nothing came of it; if Slack tells it again, it shall be done. */
static void forget(struct listener *listener, const char *key) {
    char digest[ID_DIGEST_SIZE];
    id_digest(digest, key, strlen(key));
    char *place = find_key(listener, digest);
    if (place != NULL) {
        *place = '\0';
    }
}

static void acknowledge(struct listener *listener, uint64_t token) {
    if (listener->slack->socket != NULL) {
        socket_acknowledge(listener->slack->socket, token);
    }
}

void hearing_end(struct hearing *hearing) {
    for (size_t i = 0; i < hearing->token_count; i++) {
        acknowledge(hearing->listener, hearing->tokens[i]);
    }
    hearing_free(hearing);
}

/* --- telling the author ------------------------------------------------------------------------------------------- */

static void tell(const struct hearing *hearing, const struct operation_reply *reply, enum command_id command) {
    const struct heard *heard = &hearing->heard;
    const struct whisper whisper = {heard->user, heard->channel, heard->thread, heard->response_url, heard->direct};
    whisper_send(hearing->slack->calls, &whisper, reply, command);
}

static void tell_err(const struct hearing *hearing, const struct err *err) {
    tell(hearing, &(struct operation_reply){.err = err, .text = err->text}, COMMAND_NONE);
}

void hearing_refuse(struct hearing *hearing, enum err_code code, const char *text) {
    struct err err;
    if (code == ERR_UNAVAILABLE) {
        forget(hearing->listener, hearing->heard.key);
    }
    (void)err_set(&err, code, "%s", text);
    tell_err(hearing, &err);
    hearing_end(hearing);
}

/* --- what is wanted --------------------------------------------------------------------------------------------------- */

/* Of a click that worked the card itself tells, but for a look at the machine: that does not change it yet. */
static bool card_tells(const struct hearing *hearing) {
    bool click = hearing->heard.kind == HEARD_ANSWER_CLICK || hearing->heard.kind == HEARD_SUBMISSION;
    return click && hearing->operation.command.id != COMMAND_CHECK;
}

void hearing_refuse_denied(struct hearing *hearing, const char *text) {
    if (hearing->unsure == NULL) {
        hearing_refuse(hearing, ERR_DENIED, text);
        return;
    }
    hearing_refuse(
        hearing, ERR_UNAVAILABLE,
        arena_printf(hearing->arena,
                     "Slack could not be asked who is in %s, so it is not known whether you may do this. Nothing "
                     "was done. Try again.",
                     hearing->unsure));
}

static void hearing_done(const struct operation_reply *reply, void *user) {
    struct hearing *hearing = user;
    if (reply->lacks_inputs && window_ask_inputs(hearing, reply->err)) {
        return;
    }
    if (reply->err == NULL) {
        if (!card_tells(hearing)) {
            tell(hearing, reply, hearing->operation.command.id);
        }
        hearing_end(hearing);
    } else if (reply->err->code == ERR_DENIED) {
        hearing_refuse_denied(hearing, reply->err->text);
    } else {
        hearing_refuse(hearing, reply->err->code, reply->err->text);
    }
}

/* A window for inputs starts one deployment, though whoever saw no acknowledgement can send it again, as another act. */
static const char *event_id(const struct hearing *hearing) {
    bool inputs = hearing->heard.kind == HEARD_INPUTS;
    return inputs ? arena_printf(hearing->arena, "slack:window:%s", hearing->heard.window)
                  : arena_printf(hearing->arena, "slack:%s", hearing->heard.key);
}

static void hearing_start(struct hearing *hearing) {
    const struct slack *slack = hearing->slack;
    struct operation *operation = &hearing->operation;
    operation->actor = hearing->actor;
    operation->place = (struct place){
        .adapter = "slack",
        .room = hearing->heard.channel == NULL ? NULL : slack_room_of(slack, hearing->heard.channel),
        .question = hearing->question,
    };
    operation->event_id = event_id(hearing);
    slack->options.up.start(operation, hearing_done, hearing, slack->options.up.user);
}

/* Those of the window that has asked for them. */
static void add_inputs(struct hearing *hearing) {
    struct command *command = &hearing->operation.command;
    for (size_t i = 0; i < hearing->inputs.count; i++) {
        command->inputs = arena_push(hearing->arena, command->inputs, command->input_count, sizeof *command->inputs);
        command->inputs[command->input_count++] = hearing->inputs.items[i];
    }
}

static void start_line(struct hearing *hearing) {
    struct err err;
    const char *line = str_empty(hearing->heard.line) ? "help" : hearing->heard.line;
    if (command_parse(line, hearing->arena, &hearing->operation.command, &err) < 0) {
        tell_err(hearing, &err);
        hearing_end(hearing);
        return;
    }
    add_inputs(hearing);
    hearing_start(hearing);
}

/* A verb of a button is an answer, or a command about the question. */
static bool command_of_verb(const char *verb, struct command *ret_command) {
    enum guidance guidance = guidance_parse(verb);
    *ret_command = (struct command){.guided = -1, .guidance = guidance, .id = command_answering(guidance)};
    static const enum command_id others[] = {COMMAND_TAKE, COMMAND_CHECK,  COMMAND_EXTEND,
                                             COMMAND_PARK, COMMAND_UNPARK, COMMAND_WHEN_BACK};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (str_equal(verb, command_entry(others[i])->name)) {
            ret_command->id = others[i];
        }
    }
    return ret_command->id != COMMAND_NONE;
}

static void start_click(struct hearing *hearing) {
    if (!command_of_verb(hearing->heard.verb, &hearing->operation.command)) {
        hearing_refuse(hearing, ERR_INVALID,
                       "This button is of another version of guidepost. Type the answer instead.");
        return;
    }
    hearing->operation.command.question = hearing->heard.question;
    hearing->operation.card_revision = hearing->heard.revision;
    hearing_start(hearing);
}

static void start_resume(struct hearing *hearing) {
    hearing->operation.command = (struct command){
        .guided = -1,
        .id = COMMAND_RESUME,
        .deployment = hearing->heard.deployment,
        .rerun_unknown = str_equal(hearing->heard.verb, "rerun-unknown"),
    };
    hearing_start(hearing);
}

static void start_submission(struct hearing *hearing) {
    const struct modal_answer *answer = &hearing->answer;
    hearing->operation.command = (struct command){
        .guided = -1,
        .id = command_answering(answer->guidance),
        .guidance = answer->guidance,
        .question = answer->question,
        .targets = answer->targets,
        .note = answer->note,
    };
    hearing->operation.card_revision = answer->revision;
    hearing_start(hearing);
}

/* --- who, and where ------------------------------------------------------------------------------------------------------- */

/* The adapter has stopped: operations are started no more. Slack sends again what was not acknowledged. */
static bool stopped(const struct hearing *hearing) {
    return hearing->slack->socket == NULL;
}

static void author_known(const struct people_verdict *verdict, void *user) {
    struct hearing *hearing = user;
    if (stopped(hearing)) {
        hearing_free(hearing);
        return;
    }
    if (verdict->name == NULL) {
        log_info("slack: refused", LOG_STR("user", hearing->heard.user), LOG_STR("why", verdict->refused), LOG_END);
        hearing_refuse(hearing, ERR_DENIED, verdict->refused);
        return;
    }
    struct arena *arena = hearing->arena;
    hearing->actor = (struct actor){.name = arena_strdup(arena, verdict->name), .via = "slack"};
    hearing->unsure = arena_strdup(arena, verdict->unsure);
    hearing->actor.teams.items = arena_array(arena, verdict->teams.count + 1, sizeof(char *));
    for (size_t i = 0; i < verdict->teams.count; i++) {
        hearing->actor.teams.items[hearing->actor.teams.count++] = arena_strdup(arena, verdict->teams.items[i]);
    }
    switch (hearing->heard.kind) {
    case HEARD_COMMAND:
    case HEARD_INPUTS:
        start_line(hearing);
        break;
    case HEARD_ANSWER_CLICK:
        start_click(hearing);
        break;
    case HEARD_RESUME:
        start_resume(hearing);
        break;
    case HEARD_SUBMISSION:
        start_submission(hearing);
        break;
    case HEARD_CHOOSE:
    case HEARD_NOTE:
        window_open(hearing);
        break;
    case HEARD_NOTHING:
    case HEARD_CHANGED:
    case HEARD_REVOKED:
        hearing_end(hearing);
        break;
    }
}

static void find_author(struct hearing *hearing) {
    if (stopped(hearing)) {
        hearing_free(hearing);
        return;
    }
    people_find(hearing->slack->people, hearing->heard.user, hearing->heard.foreign, author_known, hearing);
}

static void thread_known(uint64_t question, const struct err *err, void *user) {
    struct hearing *hearing = user;
    hearing->question = question;
    if (err != NULL) {
        hearing_refuse(hearing, ERR_UNAVAILABLE, "Nothing was recorded: the store is away. Try again.");
    } else if (question == 0 && !hearing->heard.addressed) {
        hearing_end(hearing); /* People talk to each other. */
    } else {
        find_author(hearing);
    }
}

/* A window was sent. What was entered wrongly is said in it, so it stays open. */
static bool submission_is_right(struct hearing *hearing) {
    struct err err;
    const struct json *view = hearing->heard.view, *state = json_path(view, "state.values");
    const char *metadata = json_string(json_get(view, "private_metadata"));
    bool inputs = hearing->heard.kind == HEARD_INPUTS;
    int r = inputs ? inputs_parse(metadata, state, hearing->arena, &hearing->inputs, &err)
                   : modal_parse(metadata, state, hearing->arena, &hearing->answer, &err);
    const char *wrong_block = inputs ? hearing->inputs.wrong_block : hearing->answer.wrong_block;
    hearing->heard.channel = inputs ? hearing->inputs.channel : hearing->answer.channel;
    hearing->heard.direct = hearing->heard.channel != NULL && *hearing->heard.channel == 'D';
    hearing->heard.line = hearing->inputs.line;
    if (r == 0) {
        return true;
    }
    if (wrong_block == NULL) {
        hearing_refuse(hearing, ERR_INVALID, err.text);
        return false;
    }
    struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES);
    struct json_out out = {.buf = &body};
    json_object_begin(&out, NULL);
    modal_write_errors(wrong_block, &err, &out);
    json_object_end(&out);
    socket_respond(hearing->slack->socket, hearing->tokens[0], body.data);
    buf_finish(&body);
    hearing_free(hearing);
    return false;
}

static void hearing_begin(struct listener *listener, const struct heard *heard, struct arena *arena, uint64_t token) {
    struct hearing *hearing = mem_alloc(sizeof *hearing);
    hearing->listener = listener;
    hearing->slack = listener->slack;
    hearing->arena = arena;
    hearing->heard = *heard;
    hearing->tokens[hearing->token_count++] = token;
    hearing->next = listener->hearings;
    if (hearing->next != NULL) {
        hearing->next->previous = hearing;
    }
    listener->hearings = hearing;
    if (heard->view != NULL && !submission_is_right(hearing)) {
        return;
    }
    hearing->heard.view = NULL; /* borrowed from the envelope */
    if (heard->kind == HEARD_COMMAND && heard->thread_reply) {
        store_get_thread(listener->slack->options.store, "slack", heard->channel, heard->thread, thread_known, hearing);
    } else {
        find_author(hearing);
    }
}

/* It is being done already: the envelope waits for that, too. Else it was done, or nobody is to wait any more. */
static bool hearing_join(struct listener *listener, const char *key, uint64_t token) {
    struct hearing *hearing = listener->hearings;
    while (hearing != NULL && !str_equal(hearing->heard.key, key)) {
        hearing = hearing->next;
    }
    if (hearing == NULL || hearing->token_count == HEARING_TOKENS) {
        return false;
    }
    hearing->tokens[hearing->token_count++] = token;
    return true;
}

void listener_hear(struct listener *listener, const struct envelope *envelope, uint64_t token) {
    const struct slack *slack = listener->slack;
    const struct heard_self self = {
        .app_id = NULL,
        .team = str_empty(slack->team) ? NULL : slack->team,
        .user = str_empty(slack->user) ? NULL : slack->user,
        .command = slack_config(slack)->slack_command,
    };
    struct arena *arena = arena_create();
    struct heard heard;
    heard_parse(envelope->type, envelope->payload, &self, arena, &heard);
    if (heard.kind == HEARD_CHANGED) {
        const char *who = heard.group != NULL ? heard.group : heard.user;
        if (people_changed(slack->people, who)) {
            store_people_changed(slack->options.store, "slack", slack->id, who);
        }
    } else if (heard.kind == HEARD_REVOKED) {
        slack_revoked(listener->slack);
    } else if (heard.kind == HEARD_NOTHING) {
        log_debug("slack: nothing heard", LOG_STR("type", envelope->type), LOG_STR("why", heard.why), LOG_END);
    } else if (!heard_before(listener, heard.key)) {
        hearing_begin(listener, &heard, arena, token);
        return;
    } else if (hearing_join(listener, heard.key, token)) {
        arena_destroy(arena);
        return;
    }
    acknowledge(listener, token);
    arena_destroy(arena);
}
