#include "ask.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/view_json.h"
#include "read.h"
#include "v1.h"

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void open_write(struct call *call) {
    const struct deployment *of = NULL, *d = NULL;
    struct outlook *outlook = NULL;
    json_object_begin(&call->out, NULL);
    json_add_int(&call->out, "total", (int64_t)call->page.total);
    json_array_begin(&call->out, "items");
    for (size_t i = 0; i < call->page.count; i++) {
        const struct question_record *question = read_find_question(call, call->page.heads[i].question, &d);
        if (question != NULL && question->open) {
            outlook = d == of ? outlook : deployment_outlook(d, call->arena);
            of = d;
            view_write_question(&call->out, NULL, d, outlook, question, call->arena);
        }
    }
    json_array_end(&call->out);
    json_object_end(&call->out);
    call_answer(call, 200);
}

void v1_questions(struct call *call) {
    uint64_t skip = 0, take = 0;
    if (call_number(call, "skip", 0, INT32_MAX, &skip) &&
        call_number(call, "take", LIMIT_OPEN_SHOWN, LIMIT_PAGE, &take)) {
        read_page(call, &(struct page_wish){.of = PAGE_QUESTIONS, .skip = (size_t)skip, .take = (size_t)take}, NULL,
                  open_write);
    }
}

static void question_write(struct call *call) {
    const struct deployment *d = NULL;
    uint64_t id = *(uint64_t *)call->state;
    const struct question_record *question = read_find_question(call, id, &d);
    if (question == NULL) {
        call_refuse(call, ERR_NOT_FOUND, "There is no question Q%llu.", (unsigned long long)id);
        return;
    }
    view_write_question(&call->out, NULL, d, deployment_outlook(d, call->arena), question, call->arena);
    call_answer(call, 200);
}

void v1_question(struct call *call) {
    uint64_t *id = call->state = arena_alloc(call->arena, sizeof *id);
    if (read_question_id(call, call->params[0], id)) {
        read_question(call, *id, question_write);
    }
}

/* --- answering ---------------------------------------------------------------------------------------------------- */

static struct plan_names read_names(const struct json *list, struct arena *arena) {
    struct plan_names names = {arena_array(arena, json_size(list) + 1, sizeof(char *)), 0};
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        if (json_is_string(item)) {
            names.items[names.count++] = json_string(item);
        }
    }
    return names;
}

void v1_answer(struct call *call) {
    const char *word = json_string(json_get(call->body, "guidance"));
    enum guidance guidance = word == NULL ? GUIDANCE_NONE : guidance_parse(word);
    struct operation operation = {
        .single = json_bool(json_get(call->body, "single"), false),
        .card_revision = (uint32_t)json_int(json_get(call->body, "revision"), 0),
        .command =
            {
                .id = command_answering(guidance),
                .guidance = guidance,
                .targets = read_names(json_get(call->body, "targets"), call->arena),
                .note = json_string(json_get(call->body, "note")),
            },
    };
    if (guidance == GUIDANCE_NONE) {
        call_refuse(call, ERR_INVALID,
                    "guidance is retry, ignore, exclude or fail; for an approval, proceed or abort.");
    } else if (read_question_id(call, call->params[0], &operation.command.question)) {
        ask_operation(call, &operation, v1_replied);
    }
}

static void ask_about(struct call *call, enum command_id id) {
    struct operation operation = {.command = {.id = id}};
    if (read_question_id(call, call->params[0], &operation.command.question)) {
        ask_operation(call, &operation, v1_replied);
    }
}

void v1_take(struct call *call) {
    ask_about(call, COMMAND_TAKE);
}

void v1_check(struct call *call) {
    ask_about(call, COMMAND_CHECK);
}

/* The body may say for how long: {"for": "1h"}. */
void v1_extend(struct call *call) {
    struct operation operation = {.command = {.id = COMMAND_EXTEND}};
    const char *text = json_string(json_get(call->body, "for"));
    struct err err;
    if (text != NULL && str_to_duration_ms(text, &operation.command.extend_ms, &err) < 0) {
        call_refuse(call, ERR_INVALID, "for is a time such as 30m or 2h.");
    } else if (read_question_id(call, call->params[0], &operation.command.question)) {
        ask_operation(call, &operation, v1_replied);
    }
}

void v1_park(struct call *call) {
    ask_about(call, COMMAND_PARK);
}

void v1_when_back(struct call *call) {
    struct operation operation = {
        .command = {.id = COMMAND_WHEN_BACK, .note = json_string(json_get(call->body, "note"))}};
    if (read_question_id(call, call->params[0], &operation.command.question)) {
        ask_operation(call, &operation, v1_replied);
    }
}

void v1_unpark(struct call *call) {
    ask_about(call, COMMAND_UNPARK);
}
