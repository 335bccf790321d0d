#ifndef GP_CLI_TALK_H
#define GP_CLI_TALK_H

/* The verbs that are words of the chat: they are checked here, sent to the server, and its reply is printed. */

#include "verbs.h"

int talk_run(struct invocation *invocation);

#endif
