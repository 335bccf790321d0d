#ifndef GP_STORE_INBOX_H
#define GP_STORE_INBOX_H

/*
 * What the leader reads: the inbox of facts and answers, the timers that are due, and the right to lead.
 * An entry leaves the inbox in the commit of its effect, so it has that effect exactly once, whoever leads.
 */

#include "base/arena.h"
#include "core/deployment.h"
#include "store/queue.h"
#include "store/store.h"

enum inbox_kind {
    INBOX_EVENT,       /* `event` for `deployment` */
    INBOX_LANE,        /* the head of lane project/environment may start */
    INBOX_WORKER_GONE, /* `worker` is surely gone */
    INBOX_TIMER,       /* a due timer: `event` for `deployment`, to be removed by `timer` */
    INBOX_BROKEN,      /* cannot be understood: count it and let it go */
};

struct inbox_entry {
    enum inbox_kind kind;
    const char *id;    /* of the stream entry; NULL for a timer */
    const char *timer; /* member of the timers set; NULL else */
    uint64_t deployment;
    struct event event;
    const char *project, *environment;
    const char *worker;
};

struct inbox;
/* A batch, in order, at most LIMIT_INBOX_BATCH: borrowed until inbox_next is called. Due timers come first. */
typedef void inbox_read(const struct inbox_entry *entries, size_t count, void *user);

/* Watches the inbox and the timers over its own blocking connection. Paused at first. */
struct inbox *inbox_create(struct loop *loop, struct store *store, inbox_read *read, void *user);
void inbox_destroy(struct inbox *inbox); /* not inside its callback */
void inbox_next(struct inbox *inbox);    /* the batch is committed: give the next one */
void inbox_pause(struct inbox *inbox);   /* this process no longer leads */
/* Reads from the start again: a commit was refused, or this process leads from now on. */
void inbox_restart(struct inbox *inbox);
/* A timer that is due at `at_ms` (wall time) was committed: it may be earlier than the one that is waited for. */
void inbox_timer_hint(struct inbox *inbox, int64_t at_ms);

/* The entry is done with the commit. */
void commit_inbox_done(struct commit *commit, const struct inbox_entry *entry);

/* A timer that nothing can be done about now comes again at `at_ms`. */
void commit_postpone(struct commit *commit, const struct inbox_entry *timer, int64_t at_ms);

/* Leadership: one token at a time; silence of its beat is judged by the observer's own monotonic clock. */
struct leadership;
struct leadership_options {
    const char *token; /* unique for this process: <host>/<random> */
    /* True if the process with this token is surely dead (its lock file on this host is free). */
    bool (*surely_dead)(const char *token, void *user);
    void (*gained)(void *user);
    void (*lost)(void *user);
    void *user;
};
struct leadership *leadership_create(struct loop *loop, struct store *store, const struct leadership_options *options);
void leadership_destroy(struct leadership *leadership);
bool leadership_held(const struct leadership *leadership);
/* Held, and nobody can have taken over yet, even if this process was stopped or cut off until now: for acts that no commit can
 * refuse. */
bool leadership_is_sure(const struct leadership *leadership);
void leadership_resign(struct leadership *leadership); /* so that another can take over at once */

/* The precondition of every commit of the leader. */
size_t commit_require_leader(struct commit *commit, const struct leadership *leadership);

/* Wakes up the sweeper's findings: puts jobs and inbox entries that the hashes demand and the streams lack. Reports
 * counts. Of what is paused, which may be much and demands little, a new leader looks at everything once (SWEEP_ALL); then
 * each sweep looks at LIMIT_SWEEP_PAUSED of them, behind number `after`: 0, then what the sweep before told. */
#define SWEEP_ALL UINT64_MAX
struct sweep_counts {
    size_t jobs, lanes, entries, timers;
    uint64_t after; /* for the next sweep */
};
typedef void sweep_done(const struct sweep_counts *counts, const struct err *err, void *user);
void store_sweep(struct store *store, const struct leadership *leadership, uint64_t after, sweep_done *done,
                 void *user);

#endif
