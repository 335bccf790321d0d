#ifndef GP_CHAT_SLACK_HEARD_H
#define GP_CHAT_SLACK_HEARD_H

/*
 * What is heard from Slack: the payload of an envelope becomes one value that says what somebody wants. Pure: no clock,
 * no I/O, and nothing is decided about persons. The payload came over an authenticated socket, yet any part of it
 * may be missing, of another type, or huge: what makes no sense is HEARD_NOTHING with a reason.
 *
 * Only fresh words of people are commands. Edits, what bots and apps post, our own messages and unfurled links are nothing.
 * A mention counts at the beginning of a message only. In a direct message none is needed. A message in a channel without
 * one counts only as a reply in a thread, and only if it begins like an answer: whether that is the thread of a question is
 * for the caller to find out (addressed is false then).
 *
 * One message may come as app_mention and as message, and several times with several event ids: all have the same key
 * and the same content.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"

/* Who we are, by auth.test and the configuration. NULL = not known; then it is not compared. */
struct heard_self {
    const char *app_id;
    const char *team;
    const char *user;    /* the bot's user id: needed to know our mentions */
    const char *command; /* "/guidepost" */
};

enum heard_kind {
    HEARD_NOTHING,
    HEARD_COMMAND,      /* somebody typed a command: line */
    HEARD_ANSWER_CLICK, /* a button that answers: verb, question, revision */
    HEARD_CHOOSE,       /* a button that asks for the modal to choose machines: question, revision */
    HEARD_NOTE,         /* a button that asks for the modal to write a note: verb, question, revision */
    HEARD_RESUME,       /* a button that goes on with a deployment that is over: verb, deployment */
    HEARD_SUBMISSION,   /* a modal was sent: view */
    HEARD_INPUTS,       /* the window for missing inputs was sent: view */
    HEARD_CHANGED,      /* people or groups have changed, what is cached of them must be read again: user or group */
    HEARD_REVOKED,      /* the app was removed, or its token revoked */
};

/* All strings live in the arena. NULL is what does not apply or was not sent. */
struct heard {
    enum heard_kind kind;
    const char *why;   /* of HEARD_NOTHING: for the debug log */
    const char *key;   /* names this act of a person for ever; NULL for what nobody did */
    const char *user;  /* who; always there for what has a key */
    const char *group; /* of HEARD_CHANGED: a user group */
    const char *team;  /* the workspace of the user */
    bool foreign;      /* the user is of another workspace than we are */

    const char *channel;
    const char *message; /* ts of the message that was written, or whose button was clicked */
    const char *thread;  /* ts of the thread's first message, if the message is a reply */
    bool direct;         /* in a direct message with us */
    bool addressed;      /* said to us: by mention, slash command or direct message */
    bool thread_reply;   /* thread is set */

    const char *line;    /* of a command, by plain_text; may be "" */
    const char *verb;    /* retry, ignore, exclude, fail, proceed, abort, take, check, ...; or resume, rerun-unknown */
    uint64_t question;   /* > 0 */
    uint64_t deployment; /* > 0 */
    uint32_t revision;   /* > 0 */
    const char *window;  /* of a submission: the id of its window, the same however often that is sent */
    const struct json *view; /* of a submission, for modal_parse or inputs_parse; borrowed from the payload */

    const char *trigger_id;   /* opens a modal, for 3 s */
    const char *response_url; /* a secret */
};

/* type is that of the envelope: events_api, slash_commands or interactive. Neither type nor payload need to make sense. */
void heard_parse(const char *type, const struct json *payload, const struct heard_self *self, struct arena *arena,
                 struct heard *ret_heard);

#endif
