#ifndef GP_CHAT_SLACK_HEARING_H
#define GP_CHAT_SLACK_HEARING_H

/*
 * One act of a person, from the envelope that tells of it until that is acknowledged: listen.c has the story, window.c the part of it in
 * which a window is opened.
 */

#include "adapter.h"
#include "inputs.h"
#include "modal.h"

enum { HEARING_TOKENS = 4 };

struct hearing {
    struct slack *slack;       /* borrowed */
    struct listener *listener; /* the same */
    struct hearing *previous, *next;
    struct arena *arena;
    struct heard heard;
    /* Of the envelopes that told of it; Slack tells again of what was not acknowledged. */
    uint64_t tokens[HEARING_TOKENS];
    size_t token_count;
    uint64_t question; /* of the thread; 0 = none */
    struct actor actor;
    const char *unsure; /* teams of which it is not known whether the actor is in them; or NULL */
    struct operation operation;
    struct modal_answer answer;
    struct inputs_answer inputs;
    struct err refusal; /* of a command without inputs, if no window can ask for them */
};

/* The end of it; the envelopes are acknowledged. */
void hearing_end(struct hearing *hearing);
/* Tells the author why nothing was done, and ends it. */
void hearing_refuse(struct hearing *hearing, enum err_code code, const char *text);
void hearing_refuse_denied(struct hearing *hearing, const char *text); /* the actor may not; if that is sure */

/* window.c. Opens the one that a click on a question asks for, and ends the hearing. */
void window_open(struct hearing *hearing);
/* Asks for the inputs that a command lacks. False: no window can be opened for it, and the refusal is to be told. */
bool window_ask_inputs(struct hearing *hearing, const struct err *refusal);

#endif
