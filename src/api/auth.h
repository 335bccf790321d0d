#ifndef GP_API_AUTH_H
#define GP_API_AUTH_H

/*
 * Who people are, by what only they know. Of tokens and passwords only digests are kept. Every check takes the same
 * time whoever is named and whatever is wrong.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/id.h"
#include "config/config.h"

enum { AUTH_MARK_SIZE = 17 };

struct auth_identity {
    const char *name; /* borrowed until the next reload */
    bool everything;
    char mark[AUTH_MARK_SIZE]; /* changes with the secrets: a session that was opened by older ones ends */
};

struct auth;

/* Reads the secrets. local_token may be NULL: then there is no local user. */
int auth_create(const struct config *config, const char *local_token, struct auth **ret_auth, struct err *err) MUST_USE;
void auth_destroy(struct auth *auth); /* NULL does nothing */
int auth_reload(struct auth *auth, const struct config *config, struct err *err)
    MUST_USE; /* on error the old ones stay */

bool auth_by_token(const struct auth *auth, const char *token, struct auth_identity *ret_identity);
bool auth_by_password(const struct auth *auth, const char *name, const char *password,
                      struct auth_identity *ret_identity);
/* Whose name came from a session. */
bool auth_by_mark(const struct auth *auth, const char *name, const char *mark, struct auth_identity *ret_identity);
void auth_local(const struct auth *auth,
                struct auth_identity *ret_identity); /* local:<OS user>, who may do everything */

#endif
