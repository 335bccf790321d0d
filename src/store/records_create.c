/*
 * A new deployment. What has to be known beforehand (its number, whether the plan is stored, what runs there now) is
 * read first; a number that is then not used is a gap and nothing else. The rest is one commit, which notes the number
 * for whoever asks again. If the plan was removed in between, it all begins again.
 */

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "later.h"
#include "records_key.h"
#include "store/freezes.h"
#include "store/records.h"
#include "words.h"

enum { PLAN_HASH_SIZE = 32 };    /* hex digits of the digest: enough to tell plans apart, and it is stored twice */
enum { PROOF_BYTES = 64 << 10 }; /* a plan so large is read again before it is stored */

struct creation {
    struct store *store;
    struct arena *arena; /* the creation itself lives in it */
    struct deployment *d;
    const char *plan_text, *plan_hash, *event_id;
    const char *what;                           /* for the audit */
    const char *plan_first;                     /* who stored it, "" = nobody has */
    uint64_t newest;                            /* what the newest of the lane must be; 0 = whatever */
    const char *generation;                     /* of the configuration that must be in force, or NULL */
    size_t thawed_at, newest_at, generation_at; /* preconditions */
    bool lost;
    int64_t deadline_ms;
    struct err err;
    size_t ahead;
    created_done *done;
    void *user;
};

static void finish(struct creation *creation) {
    bool failed = creation->err.code != ERR_NONE;
    creation->done(failed ? 0 : creation->d->id, creation->ahead, failed ? &creation->err : NULL, creation->user);
    arena_destroy(creation->arena);
}

static void finish_later(const struct redis_reply *reply, bool sent, void *user) {
    (void)reply;
    (void)sent;
    finish(user);
}

/* --- after the commit --- */

static void begin(struct creation *creation);

static void place_came(const struct redis_reply *reply, bool sent, void *user) {
    struct creation *creation = user;
    (void)sent;
    creation->ahead = redis_kind(reply) == REDIS_INTEGER ? (size_t)redis_integer(reply) : 0;
    finish(creation);
}

/* The environment is frozen, something came after what is to be resumed, or others may start it now: err says so. */
static bool refused_for_good(struct creation *creation, const struct commit_reply *reply) {
    const struct deployment *d = creation->d;
    if (creation->generation != NULL && reply->precondition == creation->generation_at) {
        (void)err_set(
            &creation->err, ERR_DENIED,
            "The configuration has just changed, and who may deploy with it. Nothing was started; try again.");
        return true;
    }
    if (reply->precondition == creation->thawed_at) {
        freeze_refusal(d->plan->environment, reply->found, &creation->err);
        return true;
    }
    if (creation->newest != 0 && reply->precondition == creation->newest_at && str_empty(reply->found)) {
        (void)err_set(&creation->err, ERR_CONFLICT,
                      "Whether something came after D%" PRIu64
                      " is not known, so it is not resumed. To bring %s there: "
                      "deploy %s %s to %s",
                      creation->newest, d->version, d->plan->project, d->version, d->plan->environment);
        return true;
    }
    if (creation->newest != 0 && reply->precondition == creation->newest_at) {
        (void)err_set(&creation->err, ERR_CONFLICT,
                      "D%s came after D%" PRIu64
                      " in %s to %s, so that is not resumed. To bring %s there: deploy %s %s to %s",
                      reply->found, creation->newest, d->plan->project, d->plan->environment, d->version,
                      d->plan->project, d->version, d->plan->environment);
        return true;
    }
    return false;
}

static void committed(const struct commit_reply *reply, void *user) {
    struct creation *creation = user;
    const struct plan *plan = creation->d->plan;
    char lane[STORE_KEY_SIZE];
    char key[STORE_KEY_SIZE];
    char id[NUMBER_SIZE];
    if (reply->result == COMMIT_REFUSED && !refused_for_good(creation, reply) &&
        clock_monotonic_ms() < creation->deadline_ms) {
        creation->d->audit_head[0] = '\0';
        begin(creation);
        return;
    }
    if (creation->err.code != ERR_NONE) {
        finish(creation);
        return;
    }
    if (reply->result != COMMIT_DONE || str_to_u64(reply->note, &creation->d->id, &creation->err) != 0) {
        later_uncommitted(reply->result, &creation->err);
        finish(creation);
        return;
    }
    redis_call(store_redis(creation->store), place_came, creation, "LPOS",
               store_key(creation->store, key, "%s", records_lane(lane, plan->project, plan->environment)),
               words_u64(id, creation->d->id));
}

/* Many deployments have the same plan: it is stored with the first of them, and counts them. */
static void use_plan(const struct creation *creation, struct commit *commit, const char *id) {
    struct buf key = BUF_INIT(STORE_KEY_SIZE);
    buf_printf(&key, "plan:%s", creation->plan_hash);
    if (str_empty(creation->plan_first)) {
        commit_add(commit, "HSET", key.data, "text", creation->plan_text, "first", id);
    } else {
        (void)commit_require_field(commit, key.data, "first", creation->plan_first);
    }
    commit_add(commit, "HINCRBY", key.data, "users", "1");
    buf_finish(&key);
}

static void commit(struct creation *creation) {
    struct deployment *d = creation->d;
    char id[NUMBER_SIZE];
    struct commit *commit = commit_create(creation->store, creation->event_id);
    (void)words_u64(id, d->id);
    creation->thawed_at = commit_require_thawed(commit, d->plan->environment);
    if (creation->generation != NULL) {
        creation->generation_at = commit_require_value(commit, "config", creation->generation);
    }
    if (creation->newest != 0) {
        char newest[NUMBER_SIZE];
        char lane[STORE_KEY_SIZE];
        char key[RECORDS_KEY_SIZE];
        (void)records_lane(lane, d->plan->project, d->plan->environment);
        creation->newest_at =
            commit_require_field(commit, "newest", lane + strlen("lane:"), words_u64(newest, creation->newest));
        (void)commit_require_field(commit, records_key(key, "dep", creation->newest, ""), "id", newest);
        commit_add(commit, "HSET", key, "resumed_by", id);
        commit_changed(commit, creation->newest);
    }
    use_plan(creation, commit, id);
    commit_audit(commit, d, creation->what, d->actor, d->via, NULL, d->created_ms);
    commit_put_new_deployment(commit, d);
    commit_note(commit, id);
    commit_send(commit, committed, creation);
}

/* --- before the commit --- */

static void number_came(const struct redis_reply *reply, bool sent, void *user) {
    struct creation *creation = user;
    (void)sent;
    creation->lost = redis_kind(reply) != REDIS_INTEGER;
    creation->d->id = (uint64_t)redis_integer(reply);
}

static void previous_came(const struct redis_reply *reply, bool sent, void *user) {
    struct creation *creation = user;
    const char *text = redis_text(reply, NULL);
    (void)sent;
    creation->lost = creation->lost || reply == NULL;
    creation->d->previous_version =
        redis_kind(reply) == REDIS_STRING ? arena_strndup(creation->arena, text, strcspn(text, " ")) : NULL;
}

static void plan_came(const struct redis_reply *reply, bool sent, void *user) {
    struct creation *creation = user;
    (void)sent;
    creation->plan_first =
        redis_kind(reply) == REDIS_STRING ? arena_strdup(creation->arena, redis_text(reply, NULL)) : "";
    if (!creation->lost && reply != NULL) {
        commit(creation);
    } else if (store_is_ready(creation->store) || clock_monotonic_ms() >= creation->deadline_ms) {
        later_uncommitted(COMMIT_UNAVAILABLE, &creation->err);
        finish(creation);
    } else {
        begin(creation);
    }
}

static void ask(struct creation *creation) {
    struct store *store = creation->store;
    const struct plan *plan = creation->d->plan;
    char ids[STORE_KEY_SIZE];
    char versions[STORE_KEY_SIZE];
    char key[STORE_KEY_SIZE];
    char field[STORE_KEY_SIZE];
    struct buf place = BUF_INIT(sizeof field);
    buf_printf(&place, "%s/%s/", plan->project, plan->environment);
    redis_call(store_redis(store), number_came, creation, "HINCRBY", store_key(store, ids, "ids"), "deployment", "1");
    redis_call(store_redis(store), previous_came, creation, "HGET", store_key(store, versions, "versions"), place.data);
    redis_call(store_redis(store), plan_came, creation, "HGET", store_key(store, key, "plan:%s", creation->plan_hash),
               "first");
    buf_finish(&place);
}

static void waited(const struct commit_reply *reply, void *user) {
    struct creation *creation = user;
    if (reply->result == COMMIT_DONE) {
        ask(creation);
    } else {
        later_uncommitted(COMMIT_UNAVAILABLE, &creation->err);
        finish(creation);
    }
}

/* Reads do not wait for a Redis that is away, but commits do: an empty one waits for us. */
static void begin(struct creation *creation) {
    if (store_is_ready(creation->store)) {
        ask(creation);
    } else {
        commit_send(commit_create(creation->store, NULL), waited, creation);
    }
}

/* --- what became of an earlier one --- */

struct recall {
    recalled_done *done;
    void *user;
};

static void recalled(const struct commit_reply *reply, void *user) {
    struct recall *recall = user;
    uint64_t id = 0;
    bool known = reply->result == COMMIT_DONE && str_to_u64(reply->note, &id, NULL) == 0;
    recall->done(known ? id : 0, recall->user);
    mem_free(recall);
}

/* A commit that is always refused, unless one with this id was done before. */
void store_recall_deployment(struct store *store, const char *event_id, recalled_done *done, void *user) {
    struct recall *recall = mem_alloc(sizeof *recall);
    struct commit *commit = commit_create(store, event_id);
    *recall = (struct recall){done, user};
    (void)commit_require_field(commit, "freezes", "-", "-");
    commit_send(commit, recalled, recall);
}

/* --- the request --- */

/* Freezes the plan. A plan that could not be read again must not be stored. */
static int freeze(struct creation *creation, const struct plan *plan) {
    struct buf text = BUF_INIT(LIMIT_PLAN_BYTES);
    char digest[ID_DIGEST_SIZE];
    int result = 0;
    plan_to_json(plan, &text);
    if (text.overflow) {
        result = err_set(&creation->err, ERR_TOO_BIG, "The plan of this deployment is larger than %d KiB.",
                         LIMIT_PLAN_BYTES >> 10);
    } else if (text.size > PROOF_BYTES) {
        struct arena *scratch = arena_create();
        result = plan_from_json(text.data, text.size, scratch, &creation->err) == NULL ? -(int)creation->err.code : 0;
        arena_destroy(scratch);
    }
    id_digest(digest, text.data, text.size);
    creation->plan_text = arena_strndup(creation->arena, text.data, text.size);
    creation->plan_hash = arena_strndup(creation->arena, digest, PLAN_HASH_SIZE);
    buf_finish(&text);
    return result;
}

/* Copies what is settled from the start, and as much of the plan's shape as it takes to go through it. */
static void settle(struct deployment *d, const struct deployment *begun, struct plan *shape) {
    if (begun == NULL) {
        return;
    }
    struct arena *arena = d->arena;
    d->warned = begun->warned;
    d->excluded_count = begun->excluded_count;
    shape->step_count = begun->plan->step_count;
    shape->steps = arena_array(arena, shape->step_count + 1, sizeof *shape->steps);
    d->steps = arena_array(arena, shape->step_count + 1, sizeof *d->steps);
    for (size_t step = 0; step < shape->step_count; step++) {
        size_t slots = begun->plan->steps[step].slot_count;
        shape->steps[step].slot_count = slots;
        d->steps[step].earlier = begun->steps[step].earlier;
        d->steps[step].runs = arena_array(arena, slots + 1, sizeof(struct run));
        if (slots > 0) {
            memcpy(d->steps[step].runs, begun->steps[step].runs, slots * sizeof(struct run));
        }
    }
}

void store_create_deployment(struct store *store, const struct new_deployment *request, created_done *done,
                             void *user) {
    struct arena *arena = arena_create();
    struct creation *creation = arena_alloc(arena, sizeof *creation);
    *creation = (struct creation){.store = store, .arena = arena, .done = done, .user = user};
    creation->deadline_ms = clock_monotonic_ms() + LIMIT_COMMIT_MS;
    creation->event_id = arena_strdup(arena, request->event_id);
    creation->generation = arena_strdup(arena, request->generation);
    creation->d = arena_alloc(arena, sizeof *creation->d);
    int frozen = freeze(creation, request->plan);
    /* Of the plan only the names and its shape are needed from here on, and the request's own is borrowed. */
    struct plan *names = arena_alloc(arena, sizeof *names);
    names->project = arena_strdup(arena, request->plan->project);
    names->environment = arena_strdup(arena, request->plan->environment);
    creation->newest = request->origin == ORIGIN_RESUME ? request->origin_id : 0;
    bool decided = !str_empty(request->decision);
    creation->what = request->origin == ORIGIN_DEPLOY
                         ? "created"
                         : arena_printf(arena, "created %s D%" PRIu64 "%s%s", origin_word(request->origin),
                                        request->origin_id, decided ? " " : "", decided ? request->decision : "");
    *creation->d = (struct deployment){
        .plan = names,
        .plan_hash = creation->plan_hash,
        .version = arena_strdup(arena, request->version),
        .actor = arena_strdup(arena, request->actor),
        .via = arena_strdup(arena, request->via),
        .inputs = arena_strdup(arena, request->inputs),
        .guided_flag = request->guided_flag,
        .origin = request->origin,
        .origin_id = request->origin_id,
        .rolls_back = request->rolls_back,
        .created_ms = request->now_ms,
        .state = DEPLOYMENT_QUEUED,
        .revision = 1,
        .arena = arena,
    };
    settle(creation->d, request->begun, names);
    for (size_t step = 0; step < request->plan->step_count; step++) {
        creation->d->warned = creation->d->warned || request->plan->steps[step].left_empty;
    }
    if (frozen != 0) {
        later_call(store, finish_later, creation);
    } else {
        begin(creation);
    }
}
