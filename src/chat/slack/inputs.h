#ifndef GP_CHAT_SLACK_INPUTS_H
#define GP_CHAT_SLACK_INPUTS_H

/*
 * The window for the inputs that a deployment needs and its command does not name. What was typed travels in its
 * private_metadata, so that any server can go on from there. No secret is in it: an input is none.
 */

#include "base/arena.h"
#include "base/json.h"
#include "config/config.h"
#include "core/command.h"

#define INPUTS_CALLBACK "gp.inputs"

struct inputs {
    const struct config_project *project;
    const struct command *command; /* it names this project */
    const char *line;              /* what it was parsed from */
    const char *channel;           /* where it was typed, or NULL */
};

/* The view of views.open. False if a window can't hold it: then nothing is written. */
bool inputs_write(const struct inputs *inputs, struct json_out *out, const char *key) MUST_USE;

struct inputs_answer {
    const char *line;
    const char *channel;         /* NULL if unknown */
    struct command_input *items; /* beside those of the line */
    size_t count;
    const char *wrong_block; /* as in struct modal_answer */
};

/* Reads what a view_submission brings, as modal_parse does. */
int inputs_parse(const char *metadata, const struct json *state, struct arena *arena, struct inputs_answer *ret_answer,
                 struct err *err) MUST_USE;

#endif
