/* The windows that people open: for an answer with a note or for chosen machines, and for inputs that a command lacks. */

#include "hearing.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/view_json.h"
#include "store/records.h"

static void window_opened(const struct call_reply *reply, void *user) {
    struct hearing *hearing = user;
    if (reply->ok || str_equal(reply->error, "closed")) {
        hearing_end(hearing);
    } else {
        hearing_refuse(
            hearing, ERR_UNAVAILABLE,
            arena_printf(hearing->arena,
                         "The window could not be opened (%s), and nothing was done. Press again, or type for example: "
                         "%s Q%llu -- your note",
                         reply->error, hearing->heard.kind == HEARD_NOTE ? hearing->heard.verb : "retry",
                         (unsigned long long)hearing->heard.question));
    }
}

static void inputs_asked(const struct call_reply *reply, void *user) {
    struct hearing *hearing = user;
    if (reply->ok || str_equal(reply->error, "closed")) {
        hearing_end(hearing);
    } else {
        hearing_refuse(hearing, hearing->refusal.code, hearing->refusal.text); /* which says what to type */
    }
}

/* Only a slash command can open a window, for as long as Slack's trigger lasts; and only one that deploys: a version that
 * is brought along has inputs of its own, which the command here does not know. False: the refusal is to be told. */
bool window_ask_inputs(struct hearing *hearing, const struct err *refusal) {
    const struct slack *slack = hearing->slack;
    const struct inputs inputs = {
        .project = config_find_project(slack_config(slack), hearing->operation.command.project),
        .command = &hearing->operation.command,
        .line = hearing->heard.line,
        .channel = hearing->heard.channel,
    };
    bool deploys = hearing->heard.kind == HEARD_COMMAND && hearing->operation.command.id == COMMAND_DEPLOY;
    if (!deploys || hearing->heard.trigger_id == NULL || inputs.project == NULL) {
        return false;
    }
    struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    struct json_out out = {.buf = &body};
    json_object_begin(&out, NULL);
    json_add_string(&out, "trigger_id", hearing->heard.trigger_id);
    bool fits = inputs_write(&inputs, &out, "view");
    json_object_end(&out);
    if (fits) {
        hearing->refusal = *refusal;
        calls_send(slack->calls,
                   &(struct call){.method = CALL_VIEWS_OPEN, .json = body.data, .priority = CALL_QUESTION},
                   inputs_asked, hearing);
    }
    buf_finish(&body);
    return fits;
}

static const struct card *open_card(const struct deployment_record *record, uint64_t question, struct arena *arena) {
    size_t count = 0;
    struct card **cards =
        view_cards(record->deployment, record->questions, record->question_count, clock_wall_ms(), arena, &count);
    for (size_t i = 0; i < count; i++) {
        if (cards[i]->question == question && cards[i]->outcome == NULL) {
            return cards[i];
        }
    }
    return NULL;
}

/* True if the actor may give one of the answers that the window would offer; else they are refused as with a click on the
 * first of them. */
static bool may_answer(struct hearing *hearing, const struct plan *plan, const struct card *card) {
    const struct chat_up *up = &hearing->slack->options.up;
    const char *verb = hearing->heard.kind == HEARD_NOTE ? hearing->heard.verb : NULL, *first = NULL;
    bool may = false;
    for (size_t i = 0; i < card->action_count && !may; i++) {
        enum guidance guidance = guidance_parse(card->actions[i].verb);
        if (guidance == GUIDANCE_NONE || (verb != NULL && !str_equal(verb, card->actions[i].verb))) {
            continue;
        }
        struct buf why = BUF_INIT(ERR_TEXT_SIZE * 4);
        may = up->may(&hearing->actor, command_answering(guidance), plan->project, plan->environment, &why, up->user);
        first = first == NULL && !may ? arena_strdup(hearing->arena, why.data) : first;
        buf_finish(&why);
    }
    bool refused = !may && first != NULL;
    if (refused) {
        hearing_refuse_denied(hearing, first);
    }
    return !refused;
}

/* The question's card is known: the window shows what it asks now. */
static void window_card_came(struct deployment_record *record, const struct err *err, void *user) {
    struct hearing *hearing = user;
    const struct heard *heard = &hearing->heard;
    if (record == NULL) {
        hearing_refuse(hearing, err->code, err->text);
        return;
    }
    const struct card *card = open_card(record, heard->question, hearing->arena);
    if (card == NULL) {
        deployment_record_free(record);
        hearing_refuse(hearing, ERR_CONFLICT, "This question is not open any more. Nothing was done.");
        return;
    }
    if (!may_answer(hearing, record->deployment->plan, card)) {
        deployment_record_free(record);
        return;
    }
    struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    struct json_out out = {.buf = &body};
    json_object_begin(&out, NULL);
    json_add_string(&out, "trigger_id", heard->trigger_id);
    modal_write(&(struct modal){card, heard->kind == HEARD_NOTE ? heard->verb : NULL, heard->channel}, &out, "view");
    json_object_end(&out);
    calls_send(hearing->slack->calls,
               &(struct call){.method = CALL_VIEWS_OPEN, .json = body.data, .priority = CALL_QUESTION}, window_opened,
               hearing);
    buf_finish(&body);
    deployment_record_free(record);
}

void window_open(struct hearing *hearing) {
    store_load_question(hearing->slack->options.store, hearing->heard.question, window_card_came, hearing);
}
