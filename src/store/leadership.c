/*
 * One process leads: the one whose token stands in the hash `leader`, which it proves with every commit. It beats by
 * counting up; the others watch the counter, and whoever sees it stand still for LIMIT_LEADER_SILENCE_MS by its own
 * monotonic clock takes over, by a commit that expects the token and the beat it saw. A leader that was only slow
 * finds out by its next refused commit.
 */

#include "leadership.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

enum { NOT_READY_MS = 50 }; /* so that the first leader leads soon after the start */

struct leadership {
    struct loop *loop;                 /* borrowed */
    struct store *store;               /* borrowed */
    struct leadership_options options; /* the token is a copy */
    char *token;
    struct timer *tick;
    struct ask *ask; /* on its way, or NULL */
    bool held, resigned;
    char *seen_token, *seen_beat; /* owned; of the last look; NULL = none since the connect */
    int64_t since_ms;             /* monotonic: when they were seen first */
    int64_t sure_until_ms;        /* monotonic: nobody can have taken over before */
};

/* A question to Redis, which may be answered when nobody waits for it any more. */
struct ask {
    struct leadership *leadership; /* NULL after it was destroyed or resigned */
    int64_t sent_ms;               /* monotonic */
};

static void tick_came(void *user);

struct leadership *leadership_create(struct loop *loop, struct store *store, const struct leadership_options *options) {
    struct leadership *leadership = mem_alloc(sizeof *leadership);

    leadership->loop = loop;
    leadership->store = store;
    leadership->options = *options;
    leadership->token = mem_strdup(options->token);
    leadership->options.token = leadership->token;
    leadership->tick = loop_timer(loop, tick_came, leadership);
    timer_start(leadership->tick, 0);
    return leadership;
}

static void forget_seen(struct leadership *leadership) {
    mem_free(leadership->seen_token);
    mem_free(leadership->seen_beat);
    leadership->seen_token = NULL;
    leadership->seen_beat = NULL;
}

static void forget_ask(struct leadership *leadership) {
    if (leadership->ask != NULL) {
        leadership->ask->leadership = NULL;
        leadership->ask = NULL;
    }
}

void leadership_destroy(struct leadership *leadership) {
    if (leadership == NULL) {
        return;
    }
    forget_ask(leadership);
    forget_seen(leadership);
    timer_destroy(leadership->tick);
    mem_free(leadership->token);
    mem_free(leadership);
}

bool leadership_held(const struct leadership *leadership) {
    return leadership->held;
}

bool leadership_is_sure(const struct leadership *leadership) {
    return leadership->held && clock_monotonic_ms() < leadership->sure_until_ms;
}

const char *leadership_token(const struct leadership *leadership) {
    return leadership->token;
}

size_t commit_require_leader(struct commit *commit, const struct leadership *leadership) {
    return commit_require_field(commit, "leader", "token", leadership->token);
}

void leadership_resign(struct leadership *leadership) {
    struct commit *commit = commit_create(leadership->store, NULL);

    leadership->resigned = true;
    leadership->held = false;
    forget_ask(leadership);
    timer_stop(leadership->tick);
    commit_require_leader(commit, leadership);
    commit_add(commit, "HSET", "leader", "token", "");
    commit_send(commit, NULL, NULL);
}

static struct ask *ask_create(struct leadership *leadership) {
    struct ask *ask = mem_alloc(sizeof *ask);
    ask->leadership = leadership;
    ask->sent_ms = clock_monotonic_ms();
    leadership->ask = ask;
    return ask;
}

/* Frees the question; NULL if nobody waits for the answer. */
static struct leadership *ask_end(struct ask *ask) {
    struct leadership *leadership = ask->leadership;
    if (leadership != NULL) {
        leadership->ask = NULL;
    }
    mem_free(ask);
    return leadership;
}

static void set_held(struct leadership *leadership, bool held) {
    if (leadership->held == held) {
        return;
    }
    leadership->held = held;
    forget_seen(leadership);
    if (held) {
        leadership->options.gained(leadership->options.user);
    } else {
        leadership->options.lost(leadership->options.user);
    }
}

/* --- leading: the beat --- */

/* What Redis has taken was sent before: whoever watches has seen nothing of it earlier. */
static void be_sure(struct leadership *leadership, int64_t sent_ms) {
    leadership->sure_until_ms = sent_ms + LIMIT_LEADER_SILENCE_MS;
}

static void beat_came(const struct commit_reply *reply, void *user) {
    int64_t sent_ms = ((struct ask *)user)->sent_ms;
    struct leadership *leadership = ask_end(user);
    if (leadership != NULL && reply->result == COMMIT_DONE) {
        be_sure(leadership, sent_ms);
    }
    if (leadership != NULL && reply->result == COMMIT_REFUSED) {
        set_held(leadership, false);
    }
    /* Otherwise it leads on. If the beat did not arrive another may take over; then every commit from here is
     * refused. */
}

static void beat(struct leadership *leadership) {
    struct commit *commit = commit_create(leadership->store, NULL);
    commit_require_leader(commit, leadership);
    commit_add(commit, "HINCRBY", "leader", "beat", "1");
    commit_send(commit, beat_came, ask_create(leadership));
}

/* --- watching, and taking over --- */

static void taken(const struct commit_reply *reply, void *user) {
    int64_t sent_ms = ((struct ask *)user)->sent_ms;
    struct leadership *leadership = ask_end(user);
    if (leadership != NULL && reply->result == COMMIT_DONE) {
        be_sure(leadership, sent_ms);
        set_held(leadership, true);
    }
    /* If it is not known whether it was done, the next look finds the own token. */
}

static void take_over(struct leadership *leadership) {
    struct commit *commit = commit_create(leadership->store, NULL);
    commit_require_field(commit, "leader", "token", leadership->seen_token);
    commit_require_field(commit, "leader", "beat", leadership->seen_beat);
    commit_add(commit, "HSET", "leader", "token", leadership->token);
    commit_add(commit, "HINCRBY", "leader", "beat", "1");
    commit_send(commit, taken, ask_create(leadership));
}

static void leader_seen(struct leadership *leadership, const char *token, const char *count) {
    const struct leadership_options *options = &leadership->options;
    int64_t now_ms = clock_monotonic_ms();

    if (!str_equal(token, leadership->seen_token) || !str_equal(count, leadership->seen_beat)) {
        forget_seen(leadership);
        leadership->seen_token = mem_strdup(token);
        leadership->seen_beat = mem_strdup(count);
        leadership->since_ms = now_ms;
    }
    if (str_equal(token, leadership->token)) {
        set_held(leadership, true);
    } else if (str_empty(token) || now_ms - leadership->since_ms >= LIMIT_LEADER_SILENCE_MS ||
               (options->surely_dead != NULL && options->surely_dead(token, options->user))) {
        take_over(leadership);
    }
}

static void look_came(const struct redis_reply *reply, bool sent, void *user) {
    struct leadership *leadership = ask_end(user);

    (void)sent;
    if (leadership == NULL) {
        return;
    }
    if (redis_kind(reply) != REDIS_ARRAY) {
        /* Silence while nobody could be heard says nothing: it is counted anew. */
        forget_seen(leadership);
        return;
    }
    const char *token = redis_text(redis_at(reply, 0), NULL);
    const char *count = redis_text(redis_at(reply, 1), NULL);
    leader_seen(leadership, token != NULL ? token : "", count != NULL ? count : "");
}

static void look(struct leadership *leadership) {
    char key[STORE_KEY_SIZE];
    redis_call(store_redis(leadership->store), look_came, ask_create(leadership), "HMGET",
               store_key(leadership->store, key, "leader"), "token", "beat");
}

static void tick_came(void *user) {
    struct leadership *leadership = user;

    if (!store_is_ready(leadership->store)) {
        forget_seen(leadership);
        timer_start(leadership->tick, NOT_READY_MS);
        return;
    }
    timer_start(leadership->tick, LIMIT_HEARTBEAT_MS);
    if (leadership->ask != NULL) {
        return;
    }
    if (leadership->held) {
        beat(leadership);
    } else {
        look(leadership);
    }
}
