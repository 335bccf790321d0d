#include "store/sessions.h"

#include <stdio.h>

enum { SESSION_KEY_SIZE = 96 };

static const char *session_key(char out[SESSION_KEY_SIZE], const char *digest) {
    (void)snprintf(out, SESSION_KEY_SIZE, "session:%s", digest);
    return out;
}

void store_put_session(struct store *store, const char *digest, const char *text, int64_t seconds, commit_done *done,
                       void *user) {
    char key[SESSION_KEY_SIZE];
    struct commit *commit = commit_create(store, NULL);
    commit_put_text(commit, session_key(key, digest), text, seconds);
    commit_send(commit, done, user);
}

void store_get_session(struct store *store, const char *digest, text_done *done, void *user) {
    char key[SESSION_KEY_SIZE];
    store_get_text(store, session_key(key, digest), done, user);
}

void store_drop_session(struct store *store, const char *digest, commit_done *done, void *user) {
    char key[SESSION_KEY_SIZE];
    struct commit *commit = commit_create(store, NULL);
    commit_put_text(commit, session_key(key, digest), NULL, 0);
    commit_send(commit, done, user);
}
