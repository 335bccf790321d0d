#ifndef GP_API_SESSION_H
#define GP_API_SESSION_H

/*
 * Sessions of the page, and the links that open one. A session is a secret in a cookie; its digest is kept in Redis,
 * for restarts and for the other server processes, and here, for while Redis is away. Links are kept here only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "store/store.h"

enum { SESSION_SECRET_SIZE = 2 * ID_RANDOM_SIZE - 1 };

struct sessions;

struct sessions *sessions_create(struct store *store);
void sessions_destroy(struct sessions *sessions); /* NULL does nothing; when no session_find is under way */

/* Opens a session and tells when it is stored, or that it could not be (it is good in this process all the same).
 * The secret is written at once. */
void session_open(struct sessions *sessions, const char *name, const char *mark, int64_t now_ms,
                  char secret[SESSION_SECRET_SIZE], commit_done *stored, void *user);

/* name NULL: there is no such session; err says if that is not known, because Redis is away. */
typedef void session_found(const char *name, const char *mark, const struct err *err, void *user);
void session_find(struct sessions *sessions, const char *secret, session_found *found, void *user);

void session_close(struct sessions *sessions, const char *secret);

/* A link is good once, for LIMIT_LOGIN_LINK_SECONDS. */
void session_make_link(struct sessions *sessions, char secret[SESSION_SECRET_SIZE], int64_t now_ms);
bool session_use_link(struct sessions *sessions, const char *secret, int64_t now_ms);

#endif
