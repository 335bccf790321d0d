/*
 * The connection. After each connect it is checked that Redis keeps what it is told (settings) and that it has kept
 * what it was told (the count of commits); only then is the store ready and commits are sent.
 */

#include "store/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "commits.h"
#include "feeds.h"
#include "later.h"
#include "lua.h"
#include "recent_list.h"
#include "unreadable.h"
#include "witness.h"
#include "words.h"

enum {
    RECHECK_MS = 1000,
    LOOK_MS = 1000,
    DIGEST_SIZE = 41,
    COUNT_AHEAD = 1000000, /* the count goes on so far ahead that it is news to every other process too */
    NUMBERS_AHEAD = 1000,  /* besides one for each lost commit: one may have asked several questions */
};

/* What Redis must be told to keep everything that was acknowledged. */
static const struct setting {
    const char *name, *value;
} settings[] = {
    {"appendonly", "yes"},
    {"appendfsync", "always"},
    {"no-appendfsync-on-rewrite", "no"},
    {"maxmemory-policy", "noeviction"},
};
enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

struct store {
    struct loop *loop;
    struct store_options options; /* texts are the copies below */
    char *url, *password, *prefix;
    struct redis *redis;
    struct commits *commits;
    struct witness *witness;
    struct unreadable_list *unreadable;
    struct recent_list *recent;
    struct feeds *feeds; /* or NULL */
    char digest[DIGEST_SIZE];
    bool ready;

    struct timer *recheck;
    struct timer *look;    /* while ready */
    struct timer *verdict; /* planned, or NULL */
    bool checking;
    size_t settings_read;
    struct buf weak;   /* lines for redis.conf */
    uint64_t seq;      /* as Redis has it */
    uint64_t held;     /* the highest count that any process has seen, if that is lost; else 0 */
    struct err failed; /* the check itself */
    char told[ERR_TEXT_SIZE];
};

static void connected(void *user);
static void lost(const char *why, void *user);
static void check(void *user);
static void look(void *user);

int store_create(struct loop *loop, const struct store_options *options, struct store **ret_store, struct err *err) {
    struct store *store = mem_alloc(sizeof *store);
    store->loop = loop;
    store->options = *options;
    store->url = mem_strdup(options->url);
    store->password = mem_strdup(options->password);
    store->prefix = mem_strdup(options->prefix);
    buf_init(&store->weak, ERR_TEXT_SIZE);
    store->commits = commits_create(loop, store);
    store->unreadable = unreadable_list_create();
    store->recent = recent_list_create();
    store->recheck = loop_timer(loop, check, store);
    store->look = loop_timer(loop, look, store);
    int result = witness_create(loop, options->witness_path, &store->witness, err);
    if (result == 0) {
        const struct redis_options to = {
            .url = store->url, .password = store->password, .connected = connected, .lost = lost, .user = store};
        result = redis_create(loop, &to, &store->redis, err);
    }
    if (result != 0) {
        store_destroy(store);
        return result;
    }
    *ret_store = store;
    return 0;
}

void store_destroy(struct store *store) {
    if (store == NULL) {
        return;
    }
    store->ready = false;
    feeds_outlive(store->feeds);
    redis_destroy(store->redis);
    commits_destroy(store->commits);
    witness_destroy(store->witness);
    unreadable_list_destroy(store->unreadable);
    recent_list_destroy(store->recent);
    timer_destroy(store->recheck);
    timer_destroy(store->look);
    if (store->verdict != NULL) {
        loop_cancel_soon(store->verdict);
    }
    buf_finish(&store->weak);
    mem_free(store->url);
    mem_free(store->password);
    mem_free(store->prefix);
    mem_free(store);
}

/* --- the check --- */

static void setting_came(const struct redis_reply *reply, bool sent, void *user) {
    struct store *store = user;
    const struct setting *setting = &settings[store->settings_read++ % SETTING_COUNT];
    const char *value = redis_text(redis_at(reply, 1), NULL);
    (void)sent;
    if (redis_kind(reply) == REDIS_ERROR && store->failed.code == ERR_NONE) {
        err_set(&store->failed, ERR_INVALID, "Redis does not let us read its settings: %s", redis_text(reply, NULL));
    } else if (reply != NULL && !str_equal(value, setting->value)) {
        buf_printf(&store->weak, "\n%s %s", setting->name, setting->value);
    }
}

static void upgrade_came(const struct redis_reply *reply, bool sent, void *user) {
    struct store *store = user;
    (void)sent;
    if (redis_kind(reply) == REDIS_ERROR) {
        err_set(&store->failed, ERR_UNAVAILABLE, "Redis cannot convert what an earlier version wrote: %s",
                redis_text(reply, NULL));
    }
}

static void seq_came(const struct redis_reply *reply, bool sent, void *user) {
    struct store *store = user;
    (void)sent;
    store->seq = (uint64_t)redis_integer(reply);
}

static void held_came(const struct redis_reply *reply, bool sent, void *user) {
    struct store *store = user;
    (void)sent;
    store->held = (uint64_t)redis_integer(reply);
}

static void check_verdict(void *user);

static void script_came(const struct redis_reply *reply, bool sent, void *user) {
    struct store *store = user;
    const char *text = redis_text(reply, NULL);
    (void)sent;
    store->checking = false;
    if (reply == NULL) {
        return; /* The connection is lost; the next one begins anew. */
    }
    if (redis_kind(reply) == REDIS_ERROR) {
        err_set(&store->failed, ERR_UNAVAILABLE, "Redis does not take our script: %s", text);
    } else if (text != NULL) {
        (void)snprintf(store->digest, sizeof store->digest, "%s", text);
    }
    /* Not from here: the owner may want to destroy the store when it hears the verdict. */
    store->verdict = loop_soon(store->loop, check_verdict, store);
}

static void check(void *user) {
    struct store *store = user;
    char key[STORE_KEY_SIZE];
    char pending[STORE_KEY_SIZE];
    if (store->checking || store->verdict != NULL || !redis_is_connected(store->redis)) {
        return;
    }
    store->ready = false;
    store->checking = true;
    store->settings_read = 0;
    store->failed = (struct err){0};
    buf_clear(&store->weak);
    /* First: what is read on this connection is to find it converted. */
    redis_call(store->redis, upgrade_came, store, "EVAL", store_script_upgrade, "2", store_key(store, key, "live"),
               store_key(store, pending, "pending"));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        redis_call(store->redis, setting_came, store, "CONFIG", "GET", settings[i].name);
    }
    redis_call(store->redis, seq_came, store, "GET", store_key(store, key, "seq"));
    redis_call(store->redis, held_came, store, "GET", store_key(store, key, "rollback"));
    redis_call(store->redis, script_came, store, "SCRIPT", "LOAD", store_script_commit);
}

static uint64_t highest_seen(const struct store *store) {
    uint64_t ours = witness_highest(store->witness);
    return ours > store->held ? ours : store->held;
}

static bool rolled_back(const struct store *store) {
    return store->seq < highest_seen(store);
}

static void check_judge(const struct store *store, struct err *ret_err) {
    uint64_t highest = highest_seen(store);
    *ret_err = store->failed;
    if (store->failed.code == ERR_UNAVAILABLE) {
        return;
    }
    if (rolled_back(store)) {
        err_set(ret_err, ERR_CONFLICT,
                "Redis at %s has lost %" PRIu64 " commits: it is at %" PRIu64 " and was at %" PRIu64
                " before, or it is another Redis. Nothing is started until a person has looked and says: "
                "guidepost rollback-seen confirm",
                store->url, highest - store->seq, store->seq, highest);
    } else if (store->weak.size > 0) {
        err_set(ret_err, ERR_INVALID,
                "Redis at %s may lose what it has acknowledged. Put these lines into its redis.conf, or allow it with "
                "durability: accept_loss:%s",
                store->url, store->weak.data);
    }
}

static void become_ready(struct store *store) {
    store->ready = true;
    timer_start(store->look, LOOK_MS);
    witness_saw(store->witness, store->seq);
    commits_resume(store->commits);
    if (store->options.ready != NULL) {
        store->options.ready(store->options.user);
    }
}

/* True if this was not told before. */
static bool news(struct store *store, const char *text) {
    bool is_news = !str_equal(store->told, text);
    (void)snprintf(store->told, sizeof store->told, "%s", text);
    return is_news;
}

/* Redis may be at an older state, from where the same revisions come again. */
static void forget_recent(struct store *store) {
    recent_list_destroy(store->recent);
    store->recent = recent_list_create();
}

/* So that it also stops those who have not seen how far Redis was. */
static void hold(struct store *store) {
    char seq[STORE_KEY_SIZE];
    char rollback[STORE_KEY_SIZE];
    char seen[NUMBER_SIZE];
    redis_call(store->redis, NULL, NULL, "EVAL", store_script_hold, "2", store_key(store, seq, "seq"),
               store_key(store, rollback, "rollback"), words_u64(seen, highest_seen(store)));
    commits_give_up(store->commits);
    forget_recent(store);
}

static void check_verdict(void *user) {
    struct store *store = user;
    struct err err;
    store->verdict = NULL;
    if (!redis_is_connected(store->redis)) {
        return;
    }
    check_judge(store, &err);
    bool tolerated = err.code == ERR_INVALID && store->options.accept_loss;
    if (tolerated && news(store, err.text) && store->options.weak != NULL) {
        store->options.weak(err.text, store->options.user);
    }
    if (err.code == ERR_NONE) {
        store->told[0] = '\0';
    }
    if (err.code == ERR_NONE || tolerated) {
        become_ready(store);
        return;
    }
    if (err.code == ERR_CONFLICT) {
        hold(store);
    }
    timer_start(store->recheck, RECHECK_MS);
    if (news(store, err.text) && store->options.refused != NULL) {
        store->options.refused(&err, store->options.user);
    }
}

uint64_t store_lost_commits(const struct store *store) {
    return !store->ready && rolled_back(store) ? highest_seen(store) - store->seq : 0;
}

struct confirmation {
    struct store *store;
    confirmed_done *done;
    void *user;
};

static void confirmed(const struct redis_reply *reply, bool sent, void *user) {
    struct confirmation *confirmation = user;
    struct err err = {0};
    (void)sent;
    if (redis_kind(reply) == REDIS_INTEGER) {
        check(confirmation->store);
    } else {
        later_unread(reply, &err);
    }
    confirmation->done((uint64_t)redis_integer(reply), err.code == ERR_NONE ? NULL : &err, confirmation->user);
    mem_free(confirmation);
}

void store_confirm_rollback(struct store *store, const char *actor, const char *via, confirmed_done *done, void *user) {
    static const char *const names[] = {"seq", "rollback", "ids", "live", "inbox"};
    char keys[sizeof names / sizeof names[0]][STORE_KEY_SIZE];
    char numbers[4][NUMBER_SIZE];
    struct confirmation *confirmation = mem_alloc(sizeof *confirmation);
    *confirmation = (struct confirmation){store, done, user};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)store_key(store, keys[i], "%s", names[i]);
    }
    redis_call(store->redis, confirmed, confirmation, "EVAL", store_script_confirm, "5", keys[0], keys[1], keys[2],
               keys[3], keys[4], words_u64(numbers[0], highest_seen(store)), words_u64(numbers[1], COUNT_AHEAD),
               words_u64(numbers[2], NUMBERS_AHEAD), words_i64(numbers[3], clock_wall_ms()), actor, via);
}

/* --- looking, also while there is nothing to say --- */

static void seq_seen(const struct redis_reply *reply, bool sent, void *user) {
    struct store *store = user;
    (void)sent;
    if (redis_kind(reply) == REDIS_STRING && store->ready) {
        store_saw(store, (uint64_t)redis_integer(reply));
    }
}

/* Commits tell how far Redis is. Who commits nothing for a while would not know what others lose. */
static void look(void *user) {
    struct store *store = user;
    char key[STORE_KEY_SIZE];
    if (store_is_ready(store)) {
        redis_call(store->redis, seq_seen, store, "GET", store_key(store, key, "seq"));
        timer_start(store->look, LOOK_MS);
    }
}

/* --- the connection --- */

static void connected(void *user) {
    check(user);
}

static void lost(const char *why, void *user) {
    struct store *store = user;
    store->ready = false;
    forget_recent(store);
    if (store->options.lost != NULL) {
        store->options.lost(why, store->options.user);
    }
}

void store_saw(struct store *store, uint64_t seq) {
    bool back = seq < witness_highest(store->witness);
    witness_saw(store->witness, seq);
    if (back) {
        check(store);
    }
}

void store_held(struct store *store) {
    check(store);
}

void store_load_script(struct store *store) {
    redis_call(store->redis, NULL, NULL, "SCRIPT", "LOAD", store_script_commit);
}

struct redis *store_open_blocking(struct store *store, void (*connected_again)(void *user), void *user) {
    struct redis *redis = NULL;
    const struct redis_options options = {
        .url = store->url, .password = store->password, .connected = connected_again, .user = user, .blocking = true};
    int result = redis_create(store->loop, &options, &redis, NULL);
    assert(result == 0); /* The url was understood before. */
    (void)result;
    return redis;
}

/* --- what the other parts ask for --- */

bool store_is_ready(const struct store *store) {
    return store->ready && redis_is_connected(store->redis);
}

struct redis *store_redis(struct store *store) {
    return store->redis;
}

const char *store_prefix(const struct store *store) {
    return store->prefix;
}

struct commits *store_commits(struct store *store) {
    return store->commits;
}

struct feeds **store_feeds(struct store *store) {
    return &store->feeds;
}

struct unreadable_list *store_unreadable(struct store *store) {
    return store->unreadable;
}

struct recent_list *store_recent(struct store *store) {
    return store->recent;
}

const char *store_script_digest(const struct store *store) {
    return store->digest;
}

const char *store_key(const struct store *store, char out[STORE_KEY_SIZE], const char *format, ...) {
    va_list args;
    va_start(args, format);
    int prefix = snprintf(out, STORE_KEY_SIZE, "%s", store->prefix);
    int rest = vsnprintf(out + prefix, (size_t)(STORE_KEY_SIZE - prefix), format, args);
    va_end(args);
    assert(rest >= 0 && prefix + rest < STORE_KEY_SIZE);
    return out;
}
