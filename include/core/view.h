#ifndef GP_CORE_VIEW_H
#define GP_CORE_VIEW_H

/*
 * What people see of a deployment, without any platform in it. An adapter turns a card into Block Kit, Matrix HTML or
 * the console's JSON. All sentences are made here, once, so that they are the same everywhere and can be tested against
 * what then happens. Texts that came from outside (names, output, notes) are carried as they are: escaping is the adapter's duty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/deployment.h"

enum card_kind {
    CARD_STATUS,     /* one per deployment and room, edited in place */
    CARD_QUESTION,   /* one per group of open questions of one step with the same error */
    CARD_CLOSING,    /* one line at the end */
    CARD_REMINDER,   /* one line: a question still waits; or nobody could be called for it */
    CARD_ESCALATION, /* a question once more, for others and perhaps in another room */
    CARD_DIGEST,     /* once a day: the questions that are open in a room; of no deployment */
};

struct card_row {      /* a step, or a target of a question */
    const char *state; /* a word of RUN_STATES or "running", ... for the icon */
    const char *name;
    const char *detail; /* "2 of 3 machines", "exit code 100 · attempt 2"; may be "" */
};

struct card_action {
    const char *verb;        /* retry, ignore, exclude, fail, check, take, proceed, abort; of a closing card resume or
                              * rerun-unknown */
    const char *label;       /* "Retry", "Exclude web-3", "I checked: it worked" */
    const char *consequence; /* a true sentence */
    bool primary, danger, confirm, note_required;
};

struct card {
    enum card_kind kind;
    uint64_t deployment;
    uint64_t question;   /* of a question card: the id of its first question */
    uint32_t revision;   /* of a question card: how many questions it names; a click carries it */
    const char *state;   /* word for the icon and colour: a deployment state, "paused", "answered", "unknown" */
    const char *title;   /* "Paused: needs web-oncall" */
    const char *subject; /* "webshop 1.4.2 → production" */
    const char *place;   /* of a question card: "Install on web-3", for the names of its buttons; or NULL */
    int64_t asked_ms;    /* of an open question card; 0 = none */
    int64_t deadline_ms; /* no answer by then means fail; 0 = none */
    const char *text;    /* the whole in full sentences, with the commands to type */
    const char **facts;  /* short lines */
    size_t fact_count;
    struct card_row *rows;
    size_t row_count;
    const char *room;     /* of an escalation: the room of the configuration; NULL = where the question is */
    uint32_t turn;        /* of a reminder, an escalation: the how-manieth of its question, from 1 */
    const char *call;     /* of a line about a call that fails: which, such as "2-webhook"; else NULL */
    size_t rows_left_out; /* of too many: then the last row only says how many these are */
    const char *excerpt;  /* last lines of output, or NULL */
    struct card_action *actions;
    size_t action_count;
    bool excludes_some;        /* Exclude is no action, since it would leave no machine, but some may be excluded */
    const char *outcome;       /* the line that stays when it is over; NULL while it is open */
    struct plan_names mention; /* people and teams to notify; none for edits */
};

/* What people answered to the same error at the same step of the project before, in whichever deployment: each machine
 * counts once. */
struct past_answers {
    uint32_t retry, retry_worked, ignore, exclude, fail;
};

/* "Same error 4 times here before: Retry 3x (worked 2x), Exclude 1x"; NULL if nothing is known. */
const char *view_past(const struct past_answers *past, struct arena *arena);

/* A question as it was recorded, open or closed. */
struct question_record {
    struct question question;
    uint64_t deployment;
    bool open;
    const char *step_name, *target_name;
    struct outcome outcome;
    uint32_t revision;
    const char *taken_by; /* or NULL */
    const struct vigil
        *vigil;           /* of the first of a card: what was done so that it is not forgotten; NULL = nothing yet */
    enum guidance answer; /* NONE while open, and when it was closed without one */
    const char *answered_by, *answered_via, *note; /* or NULL */
    int64_t answered_ms;
    const char *closed_why;   /* a sentence, if it was closed without a person */
    struct past_answers past; /* of an open one */
};

/* The questions (open and closed) of one card, in the order they were asked. */
struct card *view_question(const struct deployment *d, const struct question_record *questions, size_t count,
                           int64_t now_ms, struct arena *arena);
struct card *view_status(const struct deployment *d, int64_t now_ms, struct arena *arena);
/* Adds for whom it waits (view_waits_for). */
void view_status_waits(struct card *status, const char *waits_for, struct arena *arena);
struct card *view_closing(const struct deployment *d, const struct question_record *questions, size_t count,
                          struct arena *arena);

/* The same once more when nobody has answered for a while. A reminder is one line for the room of the card; an escalation is
 * the whole card with its buttons for those who are asked next. Both end like the card. next, next_ms: who will be asked
 * when, if nobody answers; NULL and 0 = nobody. */
struct card *view_reminder(const struct deployment *d, const struct question_record *questions, size_t count,
                           const struct plan_names *next, int64_t next_ms, int64_t now_ms, struct arena *arena);
struct card *view_escalation(const struct deployment *d, const struct question_record *questions, size_t count,
                             const struct plan_names *mention, int64_t now_ms, struct arena *arena);
/* One line for the room of the card: what a rung (from 0) calls has failed for some time, or has worked since. */
struct card *view_call(const struct deployment *d, const struct question_record *questions, size_t count, uint32_t rung,
                       enum call_kind kind, enum call_told told, int64_t now_ms, struct arena *arena);

/* All that is shown of one card: the question, its newest reminder (or NULL), a line for each call that failed, and it once
 * more for each rung that has somebody to tell. */
struct card_set {
    struct card *question, *reminder;
    struct card *calls[LIMIT_RUNGS * CALL_KINDS];
    size_t call_count;
    struct card *escalations[LIMIT_RUNGS];
    size_t escalation_count;
};

/* The questions by card, open cards first, newest last. */
struct card_set *view_card_sets(const struct deployment *d, const struct question_record *questions, size_t count,
                                int64_t now_ms, struct arena *arena, size_t *ret_count);
/* The same without what only rooms show. */
struct card **view_cards(const struct deployment *d, const struct question_record *questions, size_t count,
                         int64_t now_ms, struct arena *arena, size_t *ret_count);

/* The open questions of a room, oldest first. */
struct digest_item {
    uint64_t question;
    const char *project, *version, *environment, *place, *taken_by; /* the last may be NULL */
    int64_t asked_ms;
    bool unknown;
};
/* What the digest says of a question; it is all in the arena. taken_by may be NULL. */
struct digest_item view_digest_item(const struct deployment *d, const struct card *question, const char *taken_by,
                                    struct arena *arena);
struct card *view_digest(const struct digest_item *items, size_t count, int64_t now_ms, struct arena *arena);

/* Two questions of the same step with equal keys share a card: outcome and the normalised last line (numbers, hex and the
 * target's name replaced). */
const char *view_error_key(struct outcome outcome, const char *excerpt, const char *target, struct arena *arena);

/* "Resumes D311", "Rolls back D312": what it was asked for as, or NULL. */
const char *view_origin(const struct deployment *d, struct arena *arena);

/* "waits for D41, paused since 14:02 UTC at Install on web-3 for web-oncall (Q42)", for a deployment that waits behind
 * `holder`. It changes when the holder does, not as time goes by. */
const char *view_waits_for(const struct deployment *holder, int64_t now_ms, struct arena *arena);

#endif
