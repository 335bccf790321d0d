#ifndef GP_CHAT_SLACK_WHISPER_H
#define GP_CHAT_SLACK_WHISPER_H

/*
 * What one person alone shall read: by the address of the command or click that it answers, else where they said it, else
 * (where we are no member, or if that is not known) directly. In a direct message nobody reads along.
 */

#include <stdbool.h>

#include "chat/chat.h"

#include "calls.h"

struct whisper {
    const char *user;
    const char *channel;      /* NULL = not known */
    const char *thread;       /* or NULL */
    const char *response_url; /* or NULL; if it fails, it is said as without */
    bool direct;              /* the channel is a direct message */
};

/* Everything is copied. What cannot be said is logged. */
void whisper_send(struct calls *calls, const struct whisper *whisper, const struct operation_reply *reply,
                  enum command_id command);

#endif
