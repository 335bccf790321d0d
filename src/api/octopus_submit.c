/* Answering an interruption, and saying who sees to it. */

#include "ask.h"
#include "base/clock.h"
#include "base/str.h"
#include "octopus.h"
#include "octopus_shape.h"
#include "read.h"

struct submitting {
    uint64_t question;
    const char *why; /* the sentence of what refused it */
};

static const struct question_record *find(struct call *call, const struct deployment **ret_deployment) {
    const struct submitting *submitting = call->state;
    const struct question_record *question = read_find_question(call, submitting->question, ret_deployment);
    if (question == NULL) {
        call_refuse(call, ERR_NOT_FOUND, "The resource '%.100s' was not found.", call->params[0]);
    }
    return question;
}

static struct submitting *begin(struct call *call) {
    struct submitting *submitting = call->state = arena_alloc(call->arena, sizeof *submitting);
    return read_question_id(call, call->params[0], &submitting->question) ? submitting : NULL;
}

/* --- submit ------------------------------------------------------------------------------------------------------- */

static void submitted_write(struct call *call) {
    const struct deployment *d = NULL;
    const struct question_record *question = find(call, &d);
    if (question != NULL) {
        octopus_write_interruption(call, d, question);
        call_answer(call, 200);
    }
}

/* Says it in the words that clients of Octopus Deploy know, and in ours who was first and when. */
static void refusal_write(struct call *call) {
    const struct submitting *submitting = call->state;
    const struct deployment *d = NULL;
    const struct question_record *question = find(call, &d);
    if (question == NULL) {
        return;
    }
    bool claim = d->plan->steps[question->question.step].guided.claim_required;
    const char *words = "";
    if (!question->open) {
        words = "This interruption has already been submitted. ";
    } else if (claim && question->taken_by == NULL) {
        words = "You must take responsibility for this interruption before attempting to submit it. ";
    } else if (claim && !str_equal(question->taken_by, call->actor.name)) {
        words = "Someone else has taken responsibility for this interruption, and only they are allowed to submit it. ";
    }
    call_refuse(call, ERR_CONFLICT, "%s%s", words, submitting->why);
}

static void conflict_explain(struct call *call, const struct operation_reply *reply) {
    struct submitting *submitting = call->state;
    submitting->why = arena_strdup(call->arena, reply->text);
    read_question(call, submitting->question, refusal_write);
}

static void submitted(struct call *call, const struct operation_reply *reply) {
    const struct submitting *submitting = call->state;
    if (reply->err == NULL) {
        read_question(call, submitting->question, submitted_write);
    } else if (reply->err->code == ERR_CONFLICT) {
        conflict_explain(call, reply);
    } else {
        call_fail(call, reply->err);
    }
}

/* Guidance "Abort" is what some scripts send for Fail. */
static enum guidance read_guidance(const struct json *body) {
    const char *guidance = json_string(json_get_nocase(body, "Guidance"));
    const char *result = json_string(json_get_nocase(body, "Result"));
    if (!str_empty(guidance)) {
        enum guidance meant = guidance_parse(guidance);
        return meant == GUIDANCE_ABORT ? GUIDANCE_FAIL : meant;
    }
    enum guidance meant = str_empty(result) ? GUIDANCE_NONE : guidance_parse(result);
    return meant == GUIDANCE_PROCEED || meant == GUIDANCE_ABORT ? meant : GUIDANCE_NONE;
}

void octopus_submit(struct call *call) {
    const struct submitting *submitting = begin(call);
    if (submitting == NULL) {
        return;
    }
    enum guidance guidance = read_guidance(call->body);
    const char *notes = json_string(json_get_nocase(call->body, "Notes"));
    if (guidance == GUIDANCE_NONE) {
        call_refuse(call, ERR_INVALID,
                    "There were errors with the form: send {\"Guidance\": \"Retry\"}, or \"Ignore\", \"Exclude\" or "
                    "\"Fail\"; of "
                    "a manual intervention {\"Result\": \"Proceed\"} or \"Abort\".");
        return;
    }
    struct operation operation = {
        .single = true,
        .command =
            {
                .id = command_answering(guidance),
                .guidance = guidance,
                .question = submitting->question,
                .note = str_empty(notes) ? NULL : notes,
            },
    };
    ask_operation(call, &operation, submitted);
}

/* --- responsible -------------------------------------------------------------------------------------------------- */

static void responsible_write(struct call *call) {
    const struct deployment *d = NULL;
    const struct question_record *question = find(call, &d);
    if (question == NULL) {
        return;
    }
    const char *name = question->open ? question->taken_by : question->answered_by;
    if (name == NULL) {
        call_refuse(call, ERR_NOT_FOUND, "Nobody has taken responsibility for this interruption.");
        return;
    }
    octopus_write_user(call, NULL, name);
    call_answer(call, 200);
}

void octopus_responsible(struct call *call) {
    const struct submitting *submitting = begin(call);
    if (submitting != NULL) {
        read_question(call, submitting->question, responsible_write);
    }
}

static void taken(struct call *call, const struct operation_reply *reply) {
    if (reply->err == NULL) {
        octopus_me(call);
    } else if (reply->err->code == ERR_CONFLICT) {
        conflict_explain(call, reply);
    } else {
        call_fail(call, reply->err);
    }
}

void octopus_take(struct call *call) {
    const struct submitting *submitting = begin(call);
    if (submitting != NULL) {
        struct operation operation = {.command = {.id = COMMAND_TAKE, .question = submitting->question}};
        ask_operation(call, &operation, taken);
    }
}
