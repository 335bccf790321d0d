#ifndef GP_CHAT_SLACK_MODAL_H
#define GP_CHAT_SLACK_MODAL_H

/*
 * The window for an answer that needs more than a click: a note, or a choice of answer and machines. All that is needed
 * when it comes back travels in its private_metadata, so that any server can read it: the question and its revision,
 * the channel it is in, and which answers need a note. No secret is in it, and no right.
 */

#include "base/arena.h"
#include "base/json.h"
#include "core/view.h"

#define MODAL_CALLBACK "gp.answer"

struct modal {
    const struct card *card; /* an open question */
    const char *verb;        /* the answer that was clicked and needs a note; NULL = let people choose */
    const char *channel;     /* where the card is shown */
};

/* The view of views.open. */
void modal_write(const struct modal *modal, struct json_out *out, const char *key);

struct modal_answer {
    uint64_t question;
    uint32_t revision;
    const char *channel; /* NULL if unknown */
    enum guidance guidance;
    struct plan_names targets; /* none = all of the card */
    const char *note;          /* or NULL */
    const char *wrong_block;   /* set when ERR_INVALID is about what was entered: where to say so */
};

/* Reads what a view_submission brings: its private_metadata and its state.values. ERR_INVALID is about what was
 * entered, and then wrong_block is set and the text goes back into the window by modal_write_errors; or the window is
 * none of ours, and wrong_block is NULL. */
int modal_parse(const char *metadata, const struct json *state, struct arena *arena, struct modal_answer *ret_answer,
                struct err *err) MUST_USE;

/* The members of the acknowledgement that keeps a window open and says what is wrong in that block. */
void modal_write_errors(const char *block, const struct err *err, struct json_out *out);

#endif
