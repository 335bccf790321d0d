#ifndef GP_STORE_SESSIONS_H
#define GP_STORE_SESSIONS_H

/*
 * Sessions of the page, so that a restart signs nobody out and every server process knows them: `session:<digest>` ->
 * text. The digest is of the secret in the cookie, which itself is never stored. They expire by themselves.
 */

#include "store/feed.h"
#include "store/store.h"

void store_put_session(struct store *store, const char *digest, const char *text, int64_t seconds, commit_done *done,
                       void *user);
void store_get_session(struct store *store, const char *digest, text_done *done, void *user); /* NULL = there is none */
void store_drop_session(struct store *store, const char *digest, commit_done *done, void *user);

#endif
