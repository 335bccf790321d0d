#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/sessions.h"

enum { KEPT = 256, LINKS = 16, TEXT_SIZE = 256 };

/* As it is stored: "<mark> <ends_ms> <name>". A free place has an empty digest. */
struct kept {
    char digest[ID_DIGEST_SIZE];
    char text[TEXT_SIZE];
};

struct link {
    char digest[ID_DIGEST_SIZE];
    int64_t ends_ms;
};

struct sessions {
    struct store *store; /* borrowed */
    struct kept kept[KEPT];
    size_t next; /* the place that is used next: the oldest */
    struct link links[LINKS];
    size_t next_link;
};

struct sessions *sessions_create(struct store *store) {
    struct sessions *sessions = mem_alloc(sizeof *sessions);
    sessions->store = store;
    return sessions;
}

void sessions_destroy(struct sessions *sessions) {
    mem_free(sessions);
}

static void make_secret(char secret[SESSION_SECRET_SIZE], char digest[ID_DIGEST_SIZE]) {
    char half[ID_RANDOM_SIZE], other[ID_RANDOM_SIZE];
    id_random(half);
    id_random(other);
    (void)snprintf(secret, SESSION_SECRET_SIZE, "%s%s", half, other);
    id_digest(digest, secret, strlen(secret));
}

static struct kept *find_kept(struct sessions *sessions, const char *digest) {
    for (size_t i = 0; i < KEPT; i++) {
        if (str_equal(sessions->kept[i].digest, digest)) {
            return &sessions->kept[i];
        }
    }
    return NULL;
}

static void keep(struct sessions *sessions, const char *digest, const char *text) {
    struct kept *kept = find_kept(sessions, digest);
    if (kept == NULL) {
        kept = &sessions->kept[sessions->next++ % KEPT];
        (void)snprintf(kept->digest, sizeof kept->digest, "%s", digest);
    }
    (void)snprintf(kept->text, sizeof kept->text, "%s", text);
}

static void forget(struct sessions *sessions, const char *digest) {
    struct kept *kept = find_kept(sessions, digest);
    if (kept != NULL) {
        *kept = (struct kept){.digest = ""};
    }
}

void session_open(struct sessions *sessions, const char *name, const char *mark, int64_t now_ms,
                  char secret[SESSION_SECRET_SIZE], commit_done *stored, void *user) {
    char digest[ID_DIGEST_SIZE], text[TEXT_SIZE];
    make_secret(secret, digest);
    (void)snprintf(text, sizeof text, "%s %" PRId64 " %s", mark, now_ms + LIMIT_SESSION_SECONDS * INT64_C(1000), name);
    keep(sessions, digest, text);
    store_put_session(sessions->store, digest, text, LIMIT_SESSION_SECONDS, stored, user);
}

void session_close(struct sessions *sessions, const char *secret) {
    char digest[ID_DIGEST_SIZE];
    id_digest(digest, secret, strlen(secret));
    forget(sessions, digest);
    store_drop_session(sessions->store, digest, NULL, NULL);
}

/* --- finding one -------------------------------------------------------------------------------------------------- */

struct finding {
    struct sessions *sessions;
    char digest[ID_DIGEST_SIZE];
    session_found *found;
    void *user;
};

/* False if it is over, or is no session. Cuts the text. */
static bool text_read(char *text, const char **ret_name, const char **ret_mark) {
    int64_t ends_ms = 0;
    char *ends = strchr(text, ' ');
    char *name = ends == NULL ? NULL : strchr(ends + 1, ' ');
    if (name == NULL) {
        return false;
    }
    *ends++ = *name++ = '\0';
    *ret_mark = text;
    *ret_name = name;
    return str_to_i64(ends, &ends_ms, NULL) == 0 && clock_wall_ms() < ends_ms;
}

static void text_came(const char *stored, const struct err *err, void *user) {
    struct finding *finding = user;
    const struct kept *kept = find_kept(finding->sessions, finding->digest);
    char text[TEXT_SIZE] = "";
    const char *name = NULL, *mark = NULL;
    if (err != NULL && kept != NULL) {
        stored = kept->text;
        err = NULL;
    } else if (err == NULL && stored == NULL) {
        forget(finding->sessions, finding->digest); /* closed, perhaps in another process */
    } else if (err == NULL) {
        keep(finding->sessions, finding->digest, stored);
    }
    (void)snprintf(text, sizeof text, "%s", stored == NULL ? "" : stored);
    if (text_read(text, &name, &mark)) {
        finding->found(name, mark, NULL, finding->user);
    } else {
        finding->found(NULL, NULL, err, finding->user);
    }
    mem_free(finding);
}

void session_find(struct sessions *sessions, const char *secret, session_found *found, void *user) {
    struct finding *finding = mem_alloc(sizeof *finding);
    *finding = (struct finding){.sessions = sessions, .found = found, .user = user};
    id_digest(finding->digest, secret, strlen(secret));
    store_get_session(sessions->store, finding->digest, text_came, finding);
}

/* --- links -------------------------------------------------------------------------------------------------------- */

void session_make_link(struct sessions *sessions, char secret[SESSION_SECRET_SIZE], int64_t now_ms) {
    struct link *link = &sessions->links[sessions->next_link++ % LINKS];
    make_secret(secret, link->digest);
    link->ends_ms = now_ms + LIMIT_LOGIN_LINK_SECONDS * INT64_C(1000);
}

bool session_use_link(struct sessions *sessions, const char *secret, int64_t now_ms) {
    char digest[ID_DIGEST_SIZE];
    id_digest(digest, secret, strlen(secret));
    for (size_t i = 0; i < LINKS; i++) {
        struct link *link = &sessions->links[i];
        if (str_equal_secret(link->digest, digest)) {
            bool good = now_ms < link->ends_ms;
            *link = (struct link){.digest = ""};
            return good;
        }
    }
    return false;
}
