/*
 * Commits on their way. A commit stands in the list from commit_send to its completion, so that it can be sent again
 * under the same event id after a lost connection. `in_flight` is true while the connection owes it a callback: only
 * then is its memory not ours alone.
 */

#include "commits.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "words.h"

enum {
    RETRY_MS = 20,       /* Redis is loading, busy, or had forgotten the script */
    OWN_ID_SECONDS = 60, /* an event id made here is used for LIMIT_COMMIT_MS only */
    PROCESS_DIGITS = 16, /* tell processes apart while a result is remembered; each result has them */
    EVENT_ID_SIZE = ID_RANDOM_SIZE + NUMBER_SIZE,
};

static_assert(OWN_ID_SECONDS * 1000 > 2 * LIMIT_COMMIT_MS, "a result outlives the last time it is asked for");

/* Words of a command, one behind the other in one piece of memory. */
struct words {
    char *bytes;
    size_t size, capacity;
    size_t *ends;
    size_t count, room;
};

struct commit {
    struct commits *commits;
    struct commit *previous, *next; /* in the list of pending ones */
    char *event_id;
    char *note;
    char nonce[EVENT_ID_SIZE]; /* tells our own second attempt from a call by somebody else */
    int64_t remember_s;
    struct words preconditions, ops;
    commit_done *done;
    void *user;
    int64_t deadline_ms, sent_us;
    bool in_flight;
    bool maybe; /* an earlier sending may have been carried out */
    bool over;  /* completed while in flight: goes with the callback */
};

struct commits {
    struct store *store;
    struct commit *first, *last;
    size_t count;
    struct timer *deadline; /* of the first one */
    struct timer *retry;
    char process[ID_RANDOM_SIZE];
    uint64_t number; /* of the last commit */
};

static void words_add(struct words *words, const void *data, size_t size) {
    if (words->count == words->room) {
        words->room = words->room == 0 ? 16 : 2 * words->room;
        words->ends = mem_grow(words->ends, words->room, sizeof *words->ends);
    }
    if (words->capacity - words->size < size) {
        words->capacity = 2 * (words->size + size) + 256;
        words->bytes = mem_grow(words->bytes, words->capacity, 1);
    }
    if (size > 0) {
        memcpy(words->bytes + words->size, data, size);
    }
    words->size += size;
    words->ends[words->count++] = words->size;
}

static void words_add_text(struct words *words, const char *text) {
    words_add(words, text, strlen(text));
}

/* The key with the store's prefix. */
static void words_add_key(struct words *words, const struct store *store, const char *key) {
    char full[STORE_KEY_SIZE];
    words_add_text(words, store_key(store, full, "%s", key));
}

static void words_finish(struct words *words) {
    mem_free(words->bytes);
    mem_free(words->ends);
}

/* --- building a commit --- */

struct commit *commit_create(struct store *store, const char *event_id) {
    struct commits *commits = store_commits(store);
    struct commit *commit = mem_alloc(sizeof *commit);
    commit->commits = commits;
    (void)snprintf(commit->nonce, sizeof commit->nonce, "%s.%" PRIu64, commits->process, ++commits->number);
    commit->event_id = mem_strdup(str_empty(event_id) ? commit->nonce : event_id);
    commit->remember_s = str_empty(event_id) ? OWN_ID_SECONDS : LIMIT_DONE_SECONDS;
    return commit;
}

void commit_drop(struct commit *commit) {
    words_finish(&commit->preconditions);
    words_finish(&commit->ops);
    mem_free(commit->event_id);
    mem_free(commit->note);
    mem_free(commit);
}

void commit_note(struct commit *commit, const char *note) {
    mem_free(commit->note);
    commit->note = mem_strdup(note);
}

void commit_remember(struct commit *commit, int64_t seconds) {
    commit->remember_s = seconds;
}

size_t commit_require_field(struct commit *commit, const char *key, const char *field, const char *expected) {
    struct words *words = &commit->preconditions;
    size_t number = words->count / 3;
    words_add_key(words, commit->commits->store, key);
    words_add_text(words, field);
    words_add_text(words, expected != NULL ? expected : "");
    return number;
}

size_t commit_require_value(struct commit *commit, const char *key, const char *expected) {
    return commit_require_field(commit, key, "", expected);
}

void commit_op(struct commit *commit, const char *command, const char *key, size_t argc, const char *const *argv,
               const size_t *sizes) {
    struct words *words = &commit->ops;
    char count[NUMBER_SIZE];
    words_add_text(words, words_u64(count, argc + 2));
    words_add_text(words, command);
    words_add_key(words, commit->commits->store, key);
    for (size_t i = 0; i < argc; i++) {
        words_add(words, argv[i], sizes != NULL ? sizes[i] : strlen(argv[i]));
    }
}

void commit_del(struct commit *commit, const char *key) {
    commit_op(commit, "DEL", key, 0, NULL, NULL);
}

/* --- the list --- */

static void list_append(struct commit *commit) {
    struct commits *commits = commit->commits;
    commit->previous = commits->last;
    *(commits->last != NULL ? &commits->last->next : &commits->first) = commit;
    commits->last = commit;
    commits->count++;
}

static void list_remove(struct commit *commit) {
    struct commits *commits = commit->commits;
    *(commit->previous != NULL ? &commit->previous->next : &commits->first) = commit->next;
    *(commit->next != NULL ? &commit->next->previous : &commits->last) = commit->previous;
    commits->count--;
}

static void complete(struct commit *commit, const struct commit_reply *reply) {
    list_remove(commit);
    if (commit->done != NULL) {
        commit->done(reply, commit->user);
    }
    if (commit->in_flight) {
        commit->over = true;
    } else {
        commit_drop(commit);
    }
}

/* Nothing more is to be heard of it. */
static void complete_without_reply(struct commit *commit) {
    bool unknown = commit->maybe || commit->in_flight;
    complete(commit, &(struct commit_reply){
                         .result = unknown ? COMMIT_UNKNOWN : COMMIT_UNAVAILABLE,
                         .found = "",
                         .note = "",
                     });
}

/* --- sending --- */

static void commit_replied(const struct redis_reply *reply, bool sent, void *user);

struct command {
    const char **argv;
    size_t *sizes;
    size_t count;
};

static void command_add(struct command *command, const char *data, size_t size) {
    command->argv[command->count] = data;
    command->sizes[command->count++] = size;
}

static void command_add_words(struct command *command, const struct words *words) {
    for (size_t i = 0; i < words->count; i++) {
        size_t begin = i == 0 ? 0 : words->ends[i - 1];
        command_add(command, words->bytes + begin, words->ends[i] - begin);
    }
}

static void transmit(struct commit *commit) {
    struct store *store = commit->commits->store;
    const char *digest = store_script_digest(store);
    const char *note = commit->note != NULL ? commit->note : "";
    char done_key[STORE_KEY_SIZE];
    char seq_key[STORE_KEY_SIZE];
    char rollback_key[STORE_KEY_SIZE];
    char seconds[NUMBER_SIZE];
    char count[NUMBER_SIZE];
    const char *const head[] = {
        "EVALSHA",
        digest,
        "2",
        store_key(store, seq_key, "seq"),
        store_key(store, rollback_key, "rollback"),
        store_key(store, done_key, "done:%s", commit->event_id),
        words_i64(seconds, commit->remember_s),
        commit->nonce,
        note,
        words_u64(count, commit->preconditions.count / 3),
    };
    size_t head_count = sizeof head / sizeof head[0];
    size_t most = head_count + commit->preconditions.count + commit->ops.count;
    struct command command = {
        .argv = mem_array(most, sizeof *command.argv),
        .sizes = mem_array(most, sizeof *command.sizes),
    };
    for (size_t i = 0; i < head_count; i++) {
        command_add(&command, head[i], strlen(head[i]));
    }
    command_add_words(&command, &commit->preconditions);
    command_add_words(&command, &commit->ops);

    commit->in_flight = true;
    commit->sent_us = clock_monotonic_us();
    redis_command(store_redis(store), commit_replied, commit, command.count, command.argv, command.sizes);
    mem_free(command.argv);
    mem_free(command.sizes);
}

void commits_resume(struct commits *commits) {
    for (struct commit *commit = commits->first; commit != NULL; commit = commit->next) {
        if (!commit->in_flight) {
            transmit(commit);
        }
    }
}

void commit_send(struct commit *commit, commit_done *done, void *user) {
    struct commits *commits = commit->commits;
    bool full = commits->count >= LIMIT_REDIS_PENDING;
    commit->done = done;
    commit->user = user;
    commit->deadline_ms = clock_monotonic_ms() + LIMIT_COMMIT_MS;
    list_append(commit);
    if (full) {
        timer_start(commits->retry, 0); /* to be refused there */
    } else if (store_is_ready(commits->store)) {
        transmit(commit);
    }
    if (!timer_active(commits->deadline)) {
        timer_start(commits->deadline, LIMIT_COMMIT_MS);
    }
}

/* The pause is over for those that Redis could not take at once. What is more than may wait is told so, the youngest
 * first. */
static void retry_came(void *user) {
    struct commits *commits = user;
    while (commits->count > LIMIT_REDIS_PENDING && !commits->last->in_flight && !commits->last->maybe) {
        complete_without_reply(commits->last);
    }
    if (store_is_ready(commits->store)) {
        commits_resume(commits);
    }
}

static void deadline_came(void *user) {
    struct commits *commits = user;
    while (commits->first != NULL && commits->first->deadline_ms <= clock_monotonic_ms()) {
        complete_without_reply(commits->first);
    }
    if (commits->first != NULL) {
        timer_start(commits->deadline, commits->first->deadline_ms - clock_monotonic_ms());
    }
}

/* --- replies --- */

static bool error_is(const char *text, const char *const *codes) {
    for (; *codes != NULL; codes++) {
        if (str_starts(text, *codes)) {
            return true;
        }
    }
    return false;
}

/* Redis raises what is in `before` at the first write of a script at the latest, and all other errors either before it
 * runs the script, or from within it; then they name the script. */
static void commit_failed(struct commit *commit, const char *text) {
    static const char *const later[] = {"LOADING", "BUSY ", "TRYAGAIN", NULL};
    static const char *const before[] = {"OOM", "MISCONF", "READONLY", "NOREPLICAS", NULL};
    struct commits *commits = commit->commits;
    bool forgotten = str_starts(text, "NOSCRIPT");
    if (forgotten) {
        store_load_script(commits->store);
    }
    if (forgotten || error_is(text, later)) {
        if (!timer_active(commits->retry)) {
            timer_start(commits->retry, RETRY_MS);
        }
        return;
    }
    log_debug("Redis refused a commit", LOG_STR("error", text), LOG_STR("event", commit->event_id), LOG_END);
    commit->maybe = commit->maybe || (!error_is(text, before) && strstr(text, "script") != NULL);
    complete_without_reply(commit);
}

static void commit_answered(struct commit *commit, const struct redis_reply *reply) {
    const char *word = redis_text(redis_at(reply, 0), NULL);
    const char *third = redis_text(redis_at(reply, 2), NULL);
    struct commit_reply answer = {.found = "", .note = ""};
    if (str_equal(word, "refused")) {
        answer.result = COMMIT_REFUSED;
        answer.precondition = (size_t)redis_integer(redis_at(reply, 1));
        answer.found = third != NULL ? third : "";
    } else {
        answer.result = COMMIT_DONE;
        answer.again = str_equal(word, "again");
        answer.seq = (uint64_t)redis_integer(redis_at(reply, 1));
        answer.note = third != NULL ? third : "";
    }
    complete(commit, &answer);
}

static void commit_replied(const struct redis_reply *reply, bool sent, void *user) {
    struct commit *commit = user;
    struct commits *commits = commit->commits;
    commit->in_flight = false;
    if (reply != NULL) {
        metric_observe(METRIC_REDIS_SECONDS, (double)(clock_monotonic_us() - commit->sent_us) / 1e6, NULL, NULL, NULL);
    }
    if (redis_count(reply) >= 3 && redis_kind(redis_at(reply, 1)) == REDIS_INTEGER &&
        str_equal(redis_text(redis_at(reply, 0), NULL), "done")) {
        store_saw(commits->store, (uint64_t)redis_integer(redis_at(reply, 1)));
    }
    bool held = str_equal(redis_text(redis_at(reply, 0), NULL), "held");
    if (held) {
        store_held(commits->store);
    }
    if (commit->over) {
        commit_drop(commit);
    } else if (held) {
        return; /* It waits, or is given up when the store knows more. */
    } else if (redis_kind(reply) == REDIS_ERROR) {
        commit_failed(commit, redis_text(reply, NULL));
    } else if (redis_count(reply) >= 3) {
        commit_answered(commit, reply);
    } else {
        /* Lost on the way: it is sent again when the store is ready. If it is ready now, Redis had too much to do. */
        commit->maybe = commit->maybe || sent;
        if (store_is_ready(commits->store) && !timer_active(commits->retry)) {
            timer_start(commits->retry, RETRY_MS);
        }
    }
}

/* --- life --- */

struct commits *commits_create(struct loop *loop, struct store *store) {
    struct commits *commits = mem_alloc(sizeof *commits);
    commits->store = store;
    commits->deadline = loop_timer(loop, deadline_came, commits);
    commits->retry = loop_timer(loop, retry_came, commits);
    id_random(commits->process);
    commits->process[PROCESS_DIGITS] = '\0';
    return commits;
}

void commits_give_up(struct commits *commits) {
    /* What completions send anew comes behind those. */
    for (size_t count = commits->count; count > 0; count--) {
        complete_without_reply(commits->first);
    }
}

void commits_destroy(struct commits *commits) {
    if (commits == NULL) {
        return;
    }
    while (commits->first != NULL) {
        complete_without_reply(commits->first);
    }
    timer_destroy(commits->deadline);
    timer_destroy(commits->retry);
    mem_free(commits);
}
