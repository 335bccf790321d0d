#ifndef GP_TESTS_FAKE_CHAT_H
#define GP_TESTS_FAKE_CHAT_H

/*
 * A chat platform that keeps messages in memory and does what a test tells it. Its rooms are those of the configuration
 * with a Slack id. Each call is answered in a later turn of the loop, unless the test holds it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/chat.h"
#include "net/loop.h"

enum { FAKE_CALLS = 1024, FAKE_MESSAGES = 512, FAKE_TEXT = 128 };

struct fake_message {
    char id[FAKE_TEXT], nonce[FAKE_TEXT], title[FAKE_TEXT];
    bool deleted;
};

struct fake_call {
    bool edits, again, open; /* open = not answered yet */
    enum card_kind kind;
    char room[FAKE_TEXT], thread[FAKE_TEXT], message[FAKE_TEXT], nonce[FAKE_TEXT], title[FAKE_TEXT];
    int64_t at_ms;
    chat_shown *shown;
    void *user;
};

struct fake_chat {
    struct chat chat; /* first: the adapter's handle */
    struct chat_functions functions;
    struct timer *timer;
    struct fake_call calls[FAKE_CALLS];
    struct fake_message messages[FAKE_MESSAGES];
    size_t call_count, message_count;
    bool (*holds)(const struct fake_call *call); /* NULL = none is held */
    enum err_code (*verdict)(
        const struct fake_call *call); /* NULL = all is well; ERR_UNKNOWN: it appears none the less */
};

struct fake_chat *fake_chat_create(struct loop *loop);

/* Those that are no longer held. */
void fake_chat_answer(struct fake_chat *fake);

/* How many messages of this nonce stand in the rooms, or of any if it is NULL. */
size_t fake_chat_shown(const struct fake_chat *fake, const char *nonce);

/* The newest message of this nonce, or NULL. */
struct fake_message *fake_chat_find(struct fake_chat *fake, const char *nonce);

#endif
