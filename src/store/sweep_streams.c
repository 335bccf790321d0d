/*
 * What lies in the streams of jobs: which of the demanded jobs are there, which entries nothing demands any more, and
 * which were delivered to a worker that is gone and so will not be read by anybody.
 */

#include "sweep.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "job_codec.h"
#include "words.h"

enum { PAGE = 1000 };

/* --- reading: entries, then to whom they were delivered --- */

struct page {
    struct sweep *sweep;
    const char *stream;
};

static void ask_entries(struct page *page, const char *after);
static void ask_pending(struct page *page, const char *after);

static void entries_came(const struct redis_reply *reply, bool sent, void *user) {
    struct page *page = user;
    struct sweep *sweep = page->sweep;
    size_t count = redis_count(reply);
    const char *last = NULL;

    (void)sent;
    (void)sweep_replied(sweep, reply);
    for (size_t i = 0; i < count; i++) {
        const struct redis_reply *entry = redis_at(reply, i);
        struct job job = {0};
        bool understood = job_codec_parse(redis_at(entry, 1), &job);
        job.stream = page->stream;
        job.entry = last = redis_text(redis_at(entry, 0), NULL);
        sweep->entries = arena_push(sweep->arena, sweep->entries, sweep->entry_count, sizeof *sweep->entries);
        sweep->entries[sweep->entry_count++] = (struct sweep_entry){job_copy(&job, sweep->arena), understood, NULL};
    }
    if (count == PAGE) {
        ask_entries(page, last);
    } else if (!sweep->failed) {
        ask_pending(page, NULL);
    }
    sweep_go_on(sweep);
}

static struct sweep_entry *find_entry(const struct page *page, const char *id) {
    for (size_t i = 0; i < page->sweep->entry_count; i++) {
        struct sweep_entry *entry = &page->sweep->entries[i];
        if (str_equal(entry->job.entry, id) && str_equal(entry->job.stream, page->stream)) {
            return entry;
        }
    }
    return NULL;
}

/* Rows of entry, consumer, idle time, deliveries. Pending means: read by a worker, and not yet claimed. */
static void pending_came(const struct redis_reply *reply, bool sent, void *user) {
    struct page *page = user;
    struct sweep *sweep = page->sweep;
    size_t count = redis_count(reply);
    const char *last = NULL;

    (void)sent;
    (void)sweep_replied(sweep, reply);
    for (size_t i = 0; i < count; i++) {
        const struct redis_reply *row = redis_at(reply, i);
        last = redis_text(redis_at(row, 0), NULL);
        struct sweep_entry *entry = find_entry(page, last);
        if (entry != NULL) {
            entry->consumer = sweep_text(sweep, redis_text(redis_at(row, 1), NULL));
        }
    }
    if (count == PAGE) {
        ask_pending(page, last);
    }
    sweep_go_on(sweep);
}

static void ask_entries(struct page *page, const char *after) {
    struct store *store = page->sweep->store;
    char key[STORE_KEY_SIZE], from[STORE_KEY_SIZE], most[NUMBER_SIZE];

    (void)snprintf(from, sizeof from, "%s%s", after == NULL ? "-" : "(", after == NULL ? "" : after);
    sweep_wait(page->sweep);
    redis_call(store_redis(store), entries_came, page, "XRANGE", store_key(store, key, "%s", page->stream), from, "+",
               "COUNT", words_u64(most, PAGE));
}

static void ask_pending(struct page *page, const char *after) {
    struct store *store = page->sweep->store;
    char key[STORE_KEY_SIZE], from[STORE_KEY_SIZE], most[NUMBER_SIZE];

    (void)snprintf(from, sizeof from, "%s%s", after == NULL ? "-" : "(", after == NULL ? "" : after);
    sweep_wait(page->sweep);
    redis_call(store_redis(store), pending_came, page, "XPENDING", store_key(store, key, "%s", page->stream), JOB_GROUP,
               from, "+", words_u64(most, PAGE));
}

void sweep_read_streams(struct sweep *sweep) {
    for (size_t i = 0; i < sweep->stream_count; i++) {
        struct page *page = arena_alloc(sweep->arena, sizeof *page);
        page->sweep = sweep;
        page->stream = sweep->streams[i];
        ask_entries(page, NULL);
    }
}

/* --- judging --- */

static bool is_lost(const struct sweep *sweep, const struct sweep_entry *entry) {
    return entry->consumer != NULL && !sweep_knows(sweep, entry->consumer);
}

/* Takes the entry out of its stream, and puts its job back as a new one if it is still demanded. */
static void replace(struct sweep *sweep, const struct sweep_entry *entry, const char *claim, bool demanded) {
    char claims[STORE_KEY_SIZE], field[RUN_FIELD_SIZE];
    struct commit *commit = sweep_commit(sweep);

    if (commit == NULL) {
        return;
    }
    if (entry->understood) {
        (void)snprintf(claims, sizeof claims, "dep:%" PRIu64 ":claims", entry->job.deployment);
        run_field_format(field, entry->job.step, entry->job.slot);
        commit_require_field(commit, claims, field, claim);
    }
    if (demanded) {
        commit_push_job(commit, &entry->job);
    }
    commit_add(commit, "XACK", entry->job.stream, JOB_GROUP, entry->job.entry);
    commit_add(commit, "XDEL", entry->job.stream, entry->job.entry);
    sweep_send(sweep, commit, demanded ? &sweep->counts.jobs : &sweep->counts.entries);
}

/* Whether a job still has a purpose while its run's claim is this one. */
static bool is_demanded(const struct job *job, const char *text) {
    struct claim claim;

    if (!claim_parse(text, &claim)) {
        return false;
    }
    bool same_attempt = job->attempt == claim.attempt;
    bool same_epoch = same_attempt && job->epoch == claim.epoch;
    switch (job->kind) {
    case JOB_START:
        return same_epoch && claim.letter == CLAIM_QUEUED;
    case JOB_ADOPT:
    case JOB_CHECK:
        return same_epoch && claim.letter == CLAIM_ADOPTABLE;
    case JOB_PROBE:
        return same_epoch && claim.letter == CLAIM_ENDED;
    case JOB_STOP: /* names an attempt only if one of several is meant */
        return (same_attempt || job->attempt == 0) &&
               (claim.letter == CLAIM_RUNNING || claim.letter == CLAIM_ADOPTABLE);
    }
    return false;
}

struct judging {
    struct sweep *sweep;
    size_t index;
};

static void claim_came(const struct redis_reply *reply, bool sent, void *user) {
    struct judging *judging = user;
    struct sweep *sweep = judging->sweep;
    const struct sweep_entry *entry = &sweep->entries[judging->index];
    const char *text = redis_text(reply, NULL);

    (void)sent;
    if (sweep_replied(sweep, reply)) {
        bool demanded = is_demanded(&entry->job, text);
        if (!demanded || is_lost(sweep, entry)) {
            replace(sweep, entry, text, demanded);
        }
    }
    sweep_go_on(sweep);
}

/* To check is to adopt on somebody's request. */
static enum job_kind need_kind(const struct job *job) {
    return job->kind == JOB_CHECK ? JOB_ADOPT : job->kind;
}

static struct sweep_need *find_need(const struct sweep *sweep, const struct job *job) {
    for (size_t i = 0; i < sweep->need_count; i++) {
        const struct job *need = &sweep->needs[i].job;
        if (need->kind == need_kind(job) && need->deployment == job->deployment && need->step == job->step &&
            need->slot == job->slot && need->attempt == job->attempt && need->epoch == job->epoch) {
            return &sweep->needs[i];
        }
    }
    return NULL;
}

/* What is demanded is known for most entries; for the others the claim of now is asked for: an entry that is older
 * than its claim has no more purpose, and one that was pushed since the claims were read has. */
static void judge_entry(struct sweep *sweep, size_t index) {
    char key[STORE_KEY_SIZE], field[RUN_FIELD_SIZE];
    const struct sweep_entry *entry = &sweep->entries[index];
    struct sweep_need *need = entry->understood ? find_need(sweep, &entry->job) : NULL;

    if (need != NULL) {
        need->present = true;
        if (is_lost(sweep, entry)) {
            replace(sweep, entry, need->claim, true);
        }
    } else if (!entry->understood) {
        replace(sweep, entry, NULL, false);
    } else {
        struct judging *judging = arena_alloc(sweep->arena, sizeof *judging);
        judging->sweep = sweep;
        judging->index = index;
        run_field_format(field, entry->job.step, entry->job.slot);
        sweep_wait(sweep);
        redis_call(store_redis(sweep->store), claim_came, judging, "HGET",
                   store_key(sweep->store, key, "dep:%" PRIu64 ":claims", entry->job.deployment), field);
    }
}

void sweep_judge_entries(struct sweep *sweep) {
    for (size_t i = 0; i < sweep->entry_count; i++) {
        judge_entry(sweep, i);
    }
}

/* --- consumers of workers that are gone --- */

/* A consumer takes its pending entries with it, so that there are none must be seen in the same script. */
static const char forget_script[] = "for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do\n"
                                    "    if row[2] == ARGV[2] and row[4] == 0 then\n"
                                    "        return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])\n"
                                    "    end\n"
                                    "end\n"
                                    "return 0\n";

static void consumers_came(const struct redis_reply *reply, bool sent, void *user) {
    struct page *page = user;
    struct sweep *sweep = page->sweep;
    char key[STORE_KEY_SIZE];

    (void)sent;
    (void)store_key(sweep->store, key, "%s", page->stream);
    for (size_t i = 0; i < redis_count(reply); i++) {
        const char *consumer = redis_text(redis_field(redis_at(reply, i), "name"), NULL);
        if (consumer != NULL && !sweep_knows(sweep, consumer)) {
            redis_call(store_redis(sweep->store), NULL, NULL, "EVAL", forget_script, "1", key, JOB_GROUP, consumer);
        }
    }
    sweep_go_on(sweep);
}

void sweep_forget_consumers(struct sweep *sweep) {
    char key[STORE_KEY_SIZE];

    for (size_t i = 0; i < sweep->stream_count; i++) {
        struct page *page = arena_alloc(sweep->arena, sizeof *page);
        page->sweep = sweep;
        page->stream = sweep->streams[i];
        sweep_wait(sweep);
        redis_call(store_redis(sweep->store), consumers_came, page, "XINFO", "CONSUMERS",
                   store_key(sweep->store, key, "%s", page->stream), JOB_GROUP);
    }
}
