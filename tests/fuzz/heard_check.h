#ifndef GP_TESTS_FUZZ_HEARD_CHECK_H
#define GP_TESTS_FUZZ_HEARD_CHECK_H

/* What callers rely on, whatever Slack has sent. NULL if it holds, else what is wrong. */

#include <string.h>

#include "base/str.h"
#include "chat/slack/heard.h"

static inline const char *heard_check(const struct heard *heard) {
    bool acts = heard->kind != HEARD_NOTHING && heard->kind != HEARD_CHANGED && heard->kind != HEARD_REVOKED;
    bool clicks = heard->kind == HEARD_ANSWER_CLICK || heard->kind == HEARD_CHOOSE || heard->kind == HEARD_NOTE;
    const struct {
        bool holds;
        const char *wrong;
    } RULES[] = {
        {heard->kind <= HEARD_REVOKED, "the kind is none"},
        {(heard->kind == HEARD_NOTHING) == !str_empty(heard->why), "a reason belongs to what is nothing"},
        {acts == (heard->key != NULL), "a key belongs to what somebody did"},
        {!acts || heard->user, "nobody did it"},
        {!heard->user || !strpbrk(heard->user, "<>|@:\" \n"), "the user can forge markup"},
        {!heard->key || !strpbrk(heard->key, "<>|@\" \n"), "the key can forge a line"},
        {heard->kind != HEARD_CHANGED || heard->user || heard->group, "nobody has changed"},
        {(heard->kind == HEARD_COMMAND) == (heard->line != NULL), "a line belongs to a command"},
        {!heard->line || str_is_utf8(heard->line, strlen(heard->line)), "the line is broken"},
        {heard->kind != HEARD_COMMAND || heard->addressed || heard->thread, "a command that is for nobody"},
        {heard->kind != HEARD_COMMAND || heard->message || heard->trigger_id, "a command that can't be answered"},
        {clicks == (heard->question != 0 && heard->revision != 0), "a question belongs to a click"},
        {!clicks || (heard->channel && heard->message), "a click without its message"},
        {(heard->kind == HEARD_RESUME) == (heard->deployment != 0), "a deployment belongs to a click that resumes it"},
        {heard->verb == NULL || clicks || heard->kind == HEARD_RESUME, "a verb belongs to a click"},
        {heard->verb || (heard->kind != HEARD_ANSWER_CLICK && heard->kind != HEARD_NOTE && heard->kind != HEARD_RESUME),
         "a click without a verb"},
        {heard->trigger_id || (heard->kind != HEARD_CHOOSE && heard->kind != HEARD_NOTE), "no modal can be opened"},
        {(heard->kind == HEARD_SUBMISSION || heard->kind == HEARD_INPUTS) == (heard->view != NULL),
         "a view belongs to a submission"},
        {heard->thread_reply == (heard->thread != NULL), "a reply has a thread"},
    };
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        if (!RULES[i].holds) {
            return RULES[i].wrong;
        }
    }
    return NULL;
}

#endif
