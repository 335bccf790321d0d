#ifndef GP_CHAT_CONSOLE_H
#define GP_CHAT_CONSOLE_H

/*
 * The built-in chat: every room of the configuration, kept in Redis and shown by guidepost's own page. What people say there arrives
 * over REST (api), so this adapter only shows.
 */

#include "chat/chat.h"
#include "store/store.h"

struct chat *console_create(struct store *store);

/* A line that is no card: what somebody typed, or what guidepost replied. */
void console_say(struct store *store, const char *room, const char *author, const char *text, int64_t now_ms);

#endif
