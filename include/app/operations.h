#ifndef GP_APP_OPERATIONS_H
#define GP_APP_OPERATIONS_H

/*
 * Carries out what people want, the same way wherever they say it: checks names, permission and state, asks the store to
 * record it, and replies with one sentence and with data. Answers go by compare-and-set, so exactly one wins.
 */

#include "chat/chat.h"
#include "config/config.h"
#include "net/loop.h"
#include "store/store.h"

struct operations;

struct operations_options {
    struct loop *loop;
    struct store *store;
    struct config *(*config)(void *user); /* the one in force; borrowed until the next turn */
    void (*stale_config)(
        void *user); /* another process made another configuration the one in force: read the file again */
    void *user;
};

struct operations *operations_create(const struct operations_options *options);
/* After the store was destroyed; operations under way that it did not end get their reply first. */
void operations_destroy(struct operations *operations);

/* An operation_start: user is the struct operations. */
void operations_start(const struct operation *operation, operation_done *done, void *done_user, void *user);

/* An operation_may: user is the struct operations. */
bool operations_may(const struct actor *actor, enum command_id command, const char *project, const char *environment,
                    struct buf *why, void *user);

/* What this actor may do in a place of the configuration (enum permission bits). */
unsigned actor_permissions(const struct config *config, const struct actor *actor, const char *project,
                           const char *environment);

/* Who may do it, for "who" and refusals: "carol and the Slack group of oncall". */
void operations_who_may(const struct config *config, unsigned permission, const char *project, const char *environment,
                        struct buf *out);

#endif
