#include "store/freezes.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "later.h"
#include "records_key.h"
#include "words.h"

#define FREEZES "freezes"
#define HEADS "audit:env"

/* "<when>\n<via>\n<actor>\n<reason>". Cuts the text, which lies in the arena. */
static void freeze_decode(const char *environment, char *text, struct freeze *freeze) {
    char *parts[4] = {text, NULL, NULL, NULL};
    for (size_t i = 1; i < sizeof parts / sizeof parts[0]; i++) {
        parts[i] = parts[i - 1] + strcspn(parts[i - 1], "\n");
        if (*parts[i] != '\0') {
            *parts[i]++ = '\0';
        }
    }
    *freeze = (struct freeze){.environment = environment, .via = parts[1], .actor = parts[2], .reason = parts[3]};
    if (str_to_i64(parts[0], &freeze->when_ms, NULL) != 0) {
        freeze->when_ms = 0;
    }
}

void freeze_describe(const struct freeze *freeze, int64_t now_ms, struct buf *out) {
    buf_printf(out, "%s is frozen by %s since ", freeze->environment, freeze->actor);
    str_duration(out, now_ms > freeze->when_ms ? now_ms - freeze->when_ms : 0);
    buf_printf(out, "%s%s.", str_empty(freeze->reason) ? "" : ": ", freeze->reason);
}

void freeze_refusal(const char *environment, const char *found, struct err *err) {
    struct arena *arena = arena_create();
    struct buf text = BUF_INIT(ERR_TEXT_SIZE);
    struct freeze freeze;
    freeze_decode(environment, arena_strdup(arena, found), &freeze);
    freeze_describe(&freeze, clock_wall_ms(), &text);
    (void)err_set(err, ERR_CONFLICT, "%s Nothing was started. To end that: unfreeze %s", text.data, environment);
    buf_finish(&text);
    arena_destroy(arena);
}

size_t commit_require_thawed(struct commit *commit, const char *environment) {
    return commit_require_field(commit, FREEZES, environment, "");
}

/* --- reading --- */

struct listing {
    freezes_done *done;
    void *user;
};

static void freezes_came(const struct redis_reply *reply, bool sent, void *user) {
    struct listing *listing = user;
    struct err err;
    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &err);
        listing->done(NULL, 0, &err, listing->user);
    } else {
        struct arena *arena = arena_create();
        size_t count = redis_count(reply) / 2;
        struct freeze *freezes = arena_array(arena, count + 1, sizeof *freezes);
        for (size_t i = 0; i < count; i++) {
            freeze_decode(redis_text(redis_at(reply, 2 * i), NULL),
                          arena_strdup(arena, redis_text(redis_at(reply, 2 * i + 1), NULL)), &freezes[i]);
        }
        listing->done(freezes, count, NULL, listing->user);
        arena_destroy(arena);
    }
    mem_free(listing);
}

void store_list_freezes(struct store *store, freezes_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct listing *listing = mem_alloc(sizeof *listing);
    *listing = (struct listing){done, user};
    redis_call(store_redis(store), freezes_came, listing, "HGETALL", store_key(store, key, FREEZES));
}

/* --- changing: what is there is read, then replaced on condition that it is still there --- */

enum { TRIES = 5 };

struct change {
    struct store *store;
    struct arena *arena;
    struct freeze freeze;
    bool freezes; /* or unfreezes */
    const char *event_id;
    char head[65], was[65]; /* of the audit */
    const char *found;      /* the freeze that is there, or "" */
    bool unread;
    unsigned tries;
    size_t freeze_at;
    struct err err;
    frozen_done *done;
    void *user;
};

static void change_read(struct change *change);

static void change_finish(struct change *change) {
    change->done(change->err.code == ERR_NONE ? NULL : &change->err, change->user);
    arena_destroy(change->arena);
}

static void change_conflict(struct change *change, const char *found) {
    if (str_empty(found)) {
        (void)err_set(&change->err, ERR_CONFLICT, "%s is not frozen.", change->freeze.environment);
        return;
    }
    struct buf text = BUF_INIT(ERR_TEXT_SIZE);
    struct freeze there;
    freeze_decode(change->freeze.environment, arena_strdup(change->arena, found), &there);
    freeze_describe(&there, clock_wall_ms(), &text);
    (void)err_set(&change->err, ERR_CONFLICT, "%s", text.data);
    buf_finish(&text);
}

static void change_committed(const struct commit_reply *reply, void *user) {
    struct change *change = user;
    if (reply->result == COMMIT_REFUSED && ++change->tries < TRIES) {
        change_read(change);
        return;
    }
    if (reply->result == COMMIT_REFUSED) {
        change_conflict(change, reply->precondition == change->freeze_at ? reply->found : change->found);
    } else if (reply->result != COMMIT_DONE) {
        later_uncommitted(reply->result, &change->err);
    }
    change_finish(change);
}

static void change_commit(struct change *change) {
    const struct freeze *freeze = &change->freeze;
    struct commit *commit = commit_create(change->store, change->event_id);
    /* What is not frozen can't be unfrozen: no freeze is equal to a dash. */
    const char *before = change->freezes ? "" : str_empty(change->found) ? "-" : change->found;
    change->freeze_at = commit_require_field(commit, FREEZES, freeze->environment, before);
    (void)commit_require_field(commit, HEADS, freeze->environment, change->was);
    if (change->freezes) {
        const char *text = arena_printf(change->arena, "%lld\n%s\n%s\n%s", (long long)freeze->when_ms, freeze->via,
                                        freeze->actor, freeze->reason);
        commit_add(commit, "HSET", FREEZES, freeze->environment, text);
    } else {
        commit_add(commit, "HDEL", FREEZES, freeze->environment);
    }
    const char *list = arena_printf(change->arena, "audit:env:%s", freeze->environment);
    (void)memcpy(change->head, change->was, sizeof change->head);
    records_chain(commit, list, change->head,
                  &(struct audit_entry){.what = change->freezes ? "frozen" : "unfrozen",
                                        .actor = freeze->actor,
                                        .via = freeze->via,
                                        .note = freeze->reason,
                                        .when_ms = freeze->when_ms});
    commit_add(commit, "HSET", HEADS, freeze->environment, change->head);
    char length[NUMBER_SIZE];
    commit_add(commit, "XADD", "changes", "MAXLEN", "~", words_u64(length, LIMIT_CHANGES_LENGTH), "*", "environment",
               freeze->environment);
    commit_send(commit, change_committed, change);
}

static void freeze_came(const struct redis_reply *reply, bool sent, void *user) {
    struct change *change = user;
    (void)sent;
    change->unread = reply == NULL || redis_kind(reply) == REDIS_ERROR;
    change->found = redis_kind(reply) == REDIS_STRING ? arena_strdup(change->arena, redis_text(reply, NULL)) : "";
}

static void head_came(const struct redis_reply *reply, bool sent, void *user) {
    struct change *change = user;
    (void)sent;
    if (change->unread || reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_uncommitted(COMMIT_UNAVAILABLE, &change->err);
        change_finish(change);
        return;
    }
    (void)snprintf(change->was, sizeof change->was, "%s",
                   redis_kind(reply) == REDIS_STRING ? redis_text(reply, NULL) : "");
    /* A request that is sent again is told what became of it the first time, so its commit decides. */
    if (change->event_id == NULL && str_empty(change->found) != change->freezes) {
        change_conflict(change, change->found);
        change_finish(change);
        return;
    }
    change_commit(change);
}

static void change_read(struct change *change) {
    char key[STORE_KEY_SIZE];
    redis_call(store_redis(change->store), freeze_came, change, "HGET", store_key(change->store, key, FREEZES),
               change->freeze.environment);
    redis_call(store_redis(change->store), head_came, change, "HGET", store_key(change->store, key, HEADS),
               change->freeze.environment);
}

static void change_start(struct store *store, const struct freeze *freeze, bool freezes, const char *event_id,
                         frozen_done *done, void *user) {
    struct arena *arena = arena_create();
    struct change *change = arena_alloc(arena, sizeof *change);
    *change = (struct change){
        .store = store,
        .arena = arena,
        .freeze = {.environment = arena_strdup(arena, freeze->environment),
                   .actor = arena_strdup(arena, freeze->actor),
                   .via = arena_strdup(arena, freeze->via),
                   .reason = arena_strdup(arena, freeze->reason != NULL ? freeze->reason : ""),
                   .when_ms = freeze->when_ms},
        .freezes = freezes,
        .event_id = arena_strdup(arena, event_id),
        .done = done,
        .user = user,
    };
    change_read(change);
}

void store_freeze(struct store *store, const struct freeze *freeze, const char *event_id, frozen_done *done,
                  void *user) {
    change_start(store, freeze, true, event_id, done, user);
}

void store_unfreeze(struct store *store, const struct freeze *freeze, const char *event_id, frozen_done *done,
                    void *user) {
    change_start(store, freeze, false, event_id, done, user);
}
