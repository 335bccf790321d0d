/* Lists of numbers, versions and audits. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "later.h"
#include "store/records.h"
#include "words.h"

/* --- numbers --- */

struct listing {
    uint64_t *ids; /* owned */
    size_t count;
    size_t skip, take; /* of a list that is counted, not read */
    struct err err;
    ids_done *done;
    void *user;
};

static struct listing *listing_create(ids_done *done, void *user) {
    struct listing *listing = mem_alloc(sizeof *listing);
    listing->done = done;
    listing->user = user;
    return listing;
}

static void listing_finish(struct listing *listing, uint64_t total) {
    bool failed = listing->err.code != ERR_NONE;
    listing->done(failed ? NULL : listing->ids, failed ? 0 : listing->count, failed ? 0 : total,
                  failed ? &listing->err : NULL, listing->user);
    mem_free(listing->ids);
    mem_free(listing);
}

static void ids_came(const struct redis_reply *reply, bool sent, void *user) {
    struct listing *listing = user;
    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &listing->err);
        return;
    }
    listing->count = redis_count(reply);
    listing->ids = mem_array(listing->count + 1, sizeof *listing->ids);
    for (size_t i = 0; i < listing->count; i++) {
        listing->ids[i] = (uint64_t)redis_integer(redis_at(reply, i));
    }
}

static void all_ids_came(const struct redis_reply *reply, bool sent, void *user) {
    struct listing *listing = user;
    ids_came(reply, sent, user);
    listing_finish(listing, listing->count);
}

static void total_came(const struct redis_reply *reply, bool sent, void *user) {
    struct listing *listing = user;
    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &listing->err);
    }
    listing_finish(listing, (uint64_t)redis_integer(reply));
}

/* A page, and how many there are. */
void store_list_deployments(struct store *store, size_t skip, size_t take, ids_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    char first[NUMBER_SIZE];
    char last[NUMBER_SIZE];
    struct listing *listing = listing_create(done, user);
    (void)store_key(store, key, "deployments");
    (void)words_u64(first, take > 0 ? skip : 1); /* from 1 to 0 is nothing */
    (void)words_u64(last, take > 0 ? skip + take - 1 : 0);
    redis_call(store_redis(store), ids_came, listing, "ZREVRANGE", key, first, last);
    redis_call(store_redis(store), total_came, listing, "ZCARD", key);
}

void store_list_live(struct store *store, ids_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    redis_call(store_redis(store), all_ids_came, listing_create(done, user), "ZRANGE", store_key(store, key, "live"),
               "0", "-1");
}

void store_list_showing(struct store *store, const char *platform, ids_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    redis_call(store_redis(store), all_ids_came, listing_create(done, user), "ZRANGE",
               store_key(store, key, "showing:%s", platform), "0", "-1");
}

void store_list_lane(struct store *store, const char *project, const char *environment, ids_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    redis_call(store_redis(store), all_ids_came, listing_create(done, user), "LRANGE",
               store_key(store, key, "lane:%s/%s", project, environment), "0", "-1");
}

/* Questions are numbered without gaps worth speaking of, so that their list is a range. */
static void last_question_came(const struct redis_reply *reply, bool sent, void *user) {
    struct listing *listing = user;
    uint64_t total = (uint64_t)redis_integer(reply);
    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &listing->err);
    } else {
        uint64_t rest = listing->skip < total ? total - listing->skip : 0;
        listing->count = rest < listing->take ? (size_t)rest : listing->take;
        listing->ids = mem_array(listing->count + 1, sizeof *listing->ids);
        for (size_t i = 0; i < listing->count; i++) {
            listing->ids[i] = rest - i;
        }
    }
    listing_finish(listing, total);
}

void store_list_questions(struct store *store, size_t skip, size_t take, ids_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct listing *listing = listing_create(done, user);
    listing->skip = skip;
    listing->take = take;
    redis_call(store_redis(store), last_question_came, listing, "HGET", store_key(store, key, "ids"), "question");
}

/* --- rows --- */

struct rows {
    union {
        confirmed_rows_done *confirmed;
        audit_done *audit;
    } done;
    void *user;
};

/* "<version> <deployment> <when>", and what follows. Cuts the text, which lies in the arena. */
static bool version_decode(char *value, struct version *ret_version, const char **ret_rest) {
    char *deployment = strchr(value, ' ');
    char *when = deployment != NULL ? strchr(deployment + 1, ' ') : NULL;
    if (when == NULL) {
        return false;
    }
    char *rest = when + 1 + strcspn(when + 1, " ");
    *ret_rest = "";
    if (*rest != '\0') {
        *rest = '\0';
        *ret_rest = rest + 1;
    }
    *deployment++ = *when++ = '\0';
    *ret_version = (struct version){.version = value};
    return str_to_u64(deployment, &ret_version->deployment, NULL) == 0 &&
           str_to_i64(when, &ret_version->when_ms, NULL) == 0;
}

/* The hashes about machines become one row a machine. */
struct versions {
    struct arena *arena; /* it lives in it */
    struct version_row *rows;
    size_t count;
    struct err err;
    versions_done *done;
    void *user;
};

/* "<project>/<environment>/<target>": its row, which is new if there was none. */
static struct version_row *row_of(struct versions *versions, const char *place, bool fresh) {
    char *project = arena_strdup(versions->arena, place);
    char *environment = strchr(project, '/');
    char *target = environment != NULL ? strchr(environment + 1, '/') : NULL;
    if (target == NULL) {
        return NULL;
    }
    *environment++ = *target++ = '\0';
    for (size_t i = 0; i < versions->count && !fresh; i++) {
        struct version_row *row = &versions->rows[i];
        if (str_equal(row->target, target) && str_equal(row->environment, environment) &&
            str_equal(row->project, project)) {
            return row;
        }
    }
    versions->rows = arena_push(versions->arena, versions->rows, versions->count, sizeof *versions->rows);
    struct version_row *row = &versions->rows[versions->count++];
    *row = (struct version_row){.project = project, .environment = environment, .target = target};
    return row;
}

enum version_kind { VERSION_CONFIRMED, VERSION_OWED, VERSION_UNCONFIRMED };

static void rows_decode(struct versions *versions, const struct redis_reply *reply, enum version_kind kind) {
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &versions->err);
        return;
    }
    for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
        struct version version;
        const char *rest = NULL;
        char *value = arena_strdup(versions->arena, redis_text(redis_at(reply, i + 1), NULL));
        struct version_row *row =
            version_decode(value, &version, &rest)
                ? row_of(versions, redis_text(redis_at(reply, i), NULL), kind == VERSION_CONFIRMED)
                : NULL;
        if (row != NULL && kind == VERSION_CONFIRMED) {
            row->confirmed = version;
        } else if (row != NULL && kind == VERSION_OWED) {
            row->owed = version;
        } else if (row != NULL) {
            row->unconfirmed = version;
            row->unknown = str_equal(rest, "unknown");
        }
    }
}

static void versions_came(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    rows_decode(user, reply, VERSION_CONFIRMED);
}

static void owed_came(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    rows_decode(user, reply, VERSION_OWED);
}

/* Of debts only, which came before. */
static void owed_version_came(const struct redis_reply *reply, bool sent, void *user) {
    struct versions *versions = user;
    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &versions->err);
        return;
    }
    for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
        struct version_row *row = row_of(versions, redis_text(redis_at(reply, i), NULL), false);
        if (row != NULL && row->owed.version != NULL) {
            row->owed.version = arena_strdup(versions->arena, redis_text(redis_at(reply, i + 1), NULL));
        }
    }
}

static void unconfirmed_came(const struct redis_reply *reply, bool sent, void *user) {
    struct versions *versions = user;
    (void)sent;
    rows_decode(versions, reply, VERSION_UNCONFIRMED);
    bool failed = versions->err.code != ERR_NONE;
    versions->done(failed ? NULL : versions->rows, failed ? 0 : versions->count, failed ? &versions->err : NULL,
                   versions->user);
    arena_destroy(versions->arena);
}

void store_list_versions(struct store *store, versions_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct arena *arena = arena_create();
    struct versions *versions = arena_alloc(arena, sizeof *versions);
    *versions = (struct versions){.arena = arena, .done = done, .user = user};
    redis_call(store_redis(store), versions_came, versions, "HGETALL", store_key(store, key, "versions"));
    redis_call(store_redis(store), owed_came, versions, "HGETALL", store_key(store, key, "owed"));
    redis_call(store_redis(store), owed_version_came, versions, "HGETALL", store_key(store, key, "owed_version"));
    redis_call(store_redis(store), unconfirmed_came, versions, "HGETALL", store_key(store, key, "unconfirmed"));
}

static void confirmed_came(const struct redis_reply *reply, bool sent, void *user) {
    struct rows *rows = user;
    struct err err;
    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &err);
        rows->done.confirmed(NULL, 0, &err, rows->user);
    } else {
        struct arena *arena = arena_create();
        struct confirmed_row *list = arena_array(arena, redis_count(reply) + 1, sizeof *list);
        size_t count = 0;
        for (size_t i = 0; i < redis_count(reply); i++) {
            const char *rest = NULL;
            if (version_decode(arena_strdup(arena, redis_text(redis_at(reply, i), NULL)), &list[count].version,
                               &rest)) {
                list[count].rolls_back = str_equal(rest, "rollback");
                list[count++].partial = str_equal(rest, "partial");
            }
        }
        rows->done.confirmed(list, count, NULL, rows->user);
        arena_destroy(arena);
    }
    mem_free(rows);
}

void store_list_confirmed(struct store *store, const char *project, const char *environment, confirmed_rows_done *done,
                          void *user) {
    char key[STORE_KEY_SIZE];
    struct rows *rows = mem_alloc(sizeof *rows);
    *rows = (struct rows){.done.confirmed = done, .user = user};
    redis_call(store_redis(store), confirmed_came, rows, "LRANGE",
               store_key(store, key, "confirmed:%s/%s", project, environment), "0", "-1");
}

static void audit_decode(struct arena *arena, const char *text, size_t size, struct audit_entry *entry) {
    struct json *root = NULL;
    const char *parts[] = {"", "", "", ""};
    size_t count = 0;
    if (json_parse(text, size, &root, NULL) == 0) {
        const struct json *each = json_first(root);
        entry->when_ms = json_int(each, 0);
        for (each = each != NULL ? json_next(each) : NULL; each != NULL && count < 4; each = json_next(each)) {
            parts[count++] = arena_strdup(arena, json_string(each) != NULL ? json_string(each) : "");
        }
        json_free(root);
    }
    entry->what = parts[0];
    entry->actor = parts[1];
    entry->via = parts[2];
    entry->note = parts[3];
}

static void audit_came(const struct redis_reply *reply, bool sent, void *user) {
    struct rows *rows = user;
    struct err err;
    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &err);
        rows->done.audit(NULL, 0, &err, rows->user);
    } else {
        struct arena *arena = arena_create();
        size_t count = redis_count(reply);
        struct audit_entry *entries = arena_array(arena, count + 1, sizeof *entries);
        const char *head = "";
        for (size_t i = 0; i < count; i++) {
            size_t size = 0;
            const char *text = redis_text(redis_at(reply, i), &size);
            const char *chained = arena_printf(arena, "%s%s", head, text);
            char hash[ID_DIGEST_SIZE];
            id_digest(hash, chained, strlen(chained));
            head = arena_strdup(arena, hash);
            audit_decode(arena, text, size, &entries[i]);
            entries[i].id = arena_printf(arena, "%zu", i + 1);
            entries[i].hash = head;
        }
        rows->done.audit(entries, count, NULL, rows->user);
        arena_destroy(arena);
    }
    mem_free(rows);
}

void store_read_audit(struct store *store, uint64_t deployment, audit_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct rows *rows = mem_alloc(sizeof *rows);
    *rows = (struct rows){.done.audit = done, .user = user};
    redis_call(store_redis(store), audit_came, rows, "LRANGE", store_key(store, key, "audit:%" PRIu64, deployment), "0",
               "-1");
}

void store_read_environment_audit(struct store *store, const char *environment, audit_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct rows *rows = mem_alloc(sizeof *rows);
    *rows = (struct rows){.done.audit = done, .user = user};
    redis_call(store_redis(store), audit_came, rows, "LRANGE", store_key(store, key, "audit:env:%s", environment), "0",
               "-1");
}
