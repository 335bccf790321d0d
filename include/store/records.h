#ifndef GP_STORE_RECORDS_H
#define GP_STORE_RECORDS_H

/*
 * Deployments, questions and what belongs to them, as they lie in Redis. All keys start with the prefix; a hash tag in it keeps
 * them on one node.
 *
 *     seq                     counts commits; rollback: is there while commits are held up since some were lost: the count that was seen
 *     installation            random, made once: by it runs on a target that is reached by ssh are told from those of others
 *     ids                     hash: deployment, question = the last number given
 *     plan:<hash>             hash: text (JSON of a frozen plan), users (how many deployments have it), first (the number of the one
 *                             that stored it)
 *     dep:<id>                hash: header; `closing` ("", "failing", "canceling"), `excluded` (a number) and `final` are also
 *                             preconditions of answers, claims and cancels
 *     dep:<id>:runs           hash <step>.<slot> -> run, written by the leader only
 *     dep:<id>:claims         hash <step>.<slot> -> who owns the newest attempt, the one value that workers and leader compare and set:
 *                               q:<attempt>:<epoch>            issued, nobody's yet
 *                               r:<attempt>:<epoch>:<worker>   owned: it may have been started
 *                               a:<attempt>:<epoch>            to be adopted by a worker of its host
 *                               e:<attempt>:<epoch>            its end is recorded
 *     dep:<id>:questions      list of question ids, in the order they were asked
 *     dep:<id>:views          hash <platform>:<room>:<card> -> what is shown there
 *     q:<id>                  hash: a question; `state` is open | answered | closed
 *     pending                 zset of open questions by number, which is the order in which they were asked
 *     deployments             zset of all deployments by number; live: the same of those that are not final;
 *     ended                   zset of the final ones by the time of their end
 *     lane:<project>/<env>    list: the holder, then who waits
 *     newest                  hash <project>/<env> -> the deployment of it that was created last
 *     versions                hash <project>/<environment>/<target> -> version, deployment, when; an empty target = the whole lane
 *     owed                    the same for what targets are owed since they were excluded: the first that they missed;
 *     owed_version            hash: the version that they missed last
 *     unconfirmed             the same, and "unfinished" or "unknown", for what was begun on a target since and not confirmed
 *     confirmed:<project>/<env>   list of "<version> <deployment> <when>[ rollback]" of the lane, newest first
 *     past:<project>:<error>  hash: how often it was answered by retry, ignore, exclude, fail, and how often a Retry worked
 *     freezes                 hash <environment> -> who froze it; audit:env, audit:env:<environment>: see store/freezes.h
 *     inbox                   stream: facts and answers for the leader
 *     timers                  zset by due time
 *     jobs:any, jobs:<host>   streams of starts with the group "workers"
 *     control:any, control:<host>   the same for jobs that need no slot: to adopt, check or stop
 *     owned:<worker>          set of runs that this worker owns
 *     workers                 hash <worker> -> its beat, host, slots
 *     leader                  hash: token, beat
 *     log:<id>:<step>.<slot>.<attempt>   stream of output; with ":at" a hash: position, head (its last entry), tail (bytes in it)
 *     room:<room>, room:<room>:bodies   zset of a console room's messages by time, hash of their JSON
 *     showing:<platform>      zset of deployments, by number: something that is shown of them there may not be what stays
 *     thread:<platform>:<room>:<message>   the question that this message is about
 *     changes                 stream: what is stale for whom watches
 *     audit:<id>              list of JSON arrays, chained by hash; the head of the chain is in the header
 *     calls                   hash: commands and webhooks that are to be called (store/calls.h)
 *     digest:<platform>:<room>   the day of the last digest there
 *     config                  generation in force
 *     done:<event id>         result of a commit
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/deployment.h"
#include "core/view.h"
#include "store/store.h"

/* --- reading ------------------------------------------------------------------------------------------- */

/* A deployment with its plan and all its questions. Owned by the receiver: free with deployment_record_free. */
struct deployment_record {
    struct arena *arena;
    struct deployment *deployment; /* counters restored; only open questions are in it */
    struct question_record *questions;
    size_t question_count;
};

void deployment_record_free(struct deployment_record *record); /* NULL does nothing */

/* record NULL: err says not found or unavailable. */
typedef void record_done(struct deployment_record *record, const struct err *err, void *user);
void store_load_deployment(struct store *store, uint64_t id, record_done *done, void *user);

/* By question: the deployment it belongs to. */
void store_load_question(struct store *store, uint64_t question, record_done *done, void *user);

/* Numbers, newest or oldest first. ids borrowed until the callback returns; err NULL on success. Pages of long lists are read
 * by store/pages.h. */
typedef void ids_done(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user);
void store_list_deployments(struct store *store, size_t skip, size_t take, ids_done *done,
                            void *user);                               /* newest first */
void store_list_live(struct store *store, ids_done *done, void *user); /* all that are not over, oldest first */
/* Those of which something that this platform shows may not be what stays. */
void store_list_showing(struct store *store, const char *platform, ids_done *done, void *user);
void store_list_questions(struct store *store, size_t skip, size_t take, ids_done *done,
                          void *user); /* all, newest first */
void store_list_lane(struct store *store, const char *project, const char *environment, ids_done *done, void *user);

/* Several records in one go, in the order of ids; those that are gone or set aside are left out. Takes ownership of nothing; the
 * receiver frees each record. The array is borrowed. */
typedef void records_done(struct deployment_record **records, size_t count, const struct err *err, void *user);
void store_load_deployments(struct store *store, const uint64_t *ids, size_t count, records_done *done, void *user);

/* A deployment that is there and can't be understood is set aside, so that it stops nobody else: reading it alone fails with ERR_IO.
 * Why this process could not understand it when it read it last, as a sentence; NULL if it could, or has not tried. And a line
 * for each such deployment. */
const char *store_why_unreadable(struct store *store, uint64_t deployment);
void store_write_unreadable(struct store *store, struct buf *out);

struct version {
    const char *version; /* NULL = none */
    uint64_t deployment;
    int64_t when_ms;
};

/* What is known of a target. Only what was confirmed is said to run there. */
struct version_row {
    const char *project, *environment, *target; /* target "" = the lane's last success */
    struct version confirmed;
    struct version owed; /* the version that it missed last; since when, and by which deployment, it is owed one */
    struct version unconfirmed; /* begun there later, and not confirmed */
    bool unknown;               /* of that: an outcome is not known */
};
typedef void versions_done(const struct version_row *rows, size_t count, const struct err *err, void *user);
void store_list_versions(struct store *store, versions_done *done, void *user);

/* What a lane had, newest first. */
struct confirmed_row {
    struct version version;
    bool rolls_back, partial;
};
typedef void confirmed_rows_done(const struct confirmed_row *rows, size_t count, const struct err *err, void *user);
void store_list_confirmed(struct store *store, const char *project, const char *environment, confirmed_rows_done *done,
                          void *user);

struct audit_entry {
    const char *id; /* its place, from 1 */
    const char *what, *actor, *via, *note;
    const char *hash; /* as the entries up to it give it: that of the last must be the deployment's audit_head */
    int64_t when_ms;
};
typedef void audit_done(const struct audit_entry *entries, size_t count, const struct err *err, void *user);
void store_read_audit(struct store *store, uint64_t deployment, audit_done *done, void *user);
void store_read_environment_audit(struct store *store, const char *environment, audit_done *done, void *user);

/* --- what people do (any server process) -------------------------------------------------------------------- */

struct new_deployment {
    const struct plan *plan;
    const char *version, *actor, *via, *inputs;
    int guided_flag;
    enum origin origin;
    uint64_t origin_id; /* of RESUME: that one must be the newest of its lane, and is then marked as resumed */
    bool rolls_back;
    const struct deployment *begun; /* what is settled from the start (core/resume.h), or NULL */
    const char *decision;           /* what was decided besides, in a word for the audit; or NULL */
    int64_t now_ms;
    const char *generation; /* of the configuration under which permission was checked; NULL = it was not */
    const char *event_id;   /* an idempotency key, or NULL */
};
/* Gives it a number, freezes the plan, joins the lane; refused (ERR_CONFLICT) if the environment is frozen, and (ERR_DENIED)
 * if another configuration is in force. `ahead` is the number of deployments before it in the lane. */
typedef void created_done(uint64_t id, size_t ahead, const struct err *err, void *user);
void store_create_deployment(struct store *store, const struct new_deployment *request, created_done *done, void *user);

/* The deployment that a request with this event id created before; 0 = none, or it can't be told. */
typedef void recalled_done(uint64_t id, void *user);
void store_recall_deployment(struct store *store, const char *event_id, recalled_done *done, void *user);

struct new_answer {
    uint64_t deployment, question;
    enum guidance guidance;
    enum closing closing; /* that the deployment must still have: NO, or CANCELING for a question about a late cancel */
    uint32_t
        excluded_seen; /* `excluded` of the deployment as it was read: racing excludes never take the last target */
    uint64_t revision; /* of the deployment as it was read, if that may be out of date (store/recent.h); else 0 */
    const char *actor, *via, *note;
    const char *generation; /* of the configuration under which permission was checked */
    int64_t now_ms;
    const char *event_id;
};

enum answer_result {
    ANSWER_ACCEPTED,
    ANSWER_TOO_LATE,    /* answered or closed before: read the question to say by whom */
    ANSWER_CLOSING,     /* the deployment was failed or canceled before */
    ANSWER_CHANGED,     /* another exclude came between, or the revision is another: look again, then answer again */
    ANSWER_GENERATION,  /* the configuration in force is another one */
    ANSWER_UNAVAILABLE, /* nothing was recorded */
    ANSWER_UNKNOWN,
};
typedef void answered_done(enum answer_result result, void *user);

/* One atomic compare-and-set on the question: exactly one answer wins. An accepted Fail or Abort sets `closing` in the same step. */
void store_answer(struct store *store, const struct new_answer *answer, answered_done *done, void *user);

/* Marks the question as taken. With expect_nobody it is refused (ANSWER_CHANGED) if another has taken it. */
void store_take(struct store *store, uint64_t deployment, uint64_t question, const char *actor, const char *via,
                bool expect_nobody, answered_done *done, void *user);

/* It is retried by itself when its target is back, until then. */
struct new_when_back {
    uint64_t deployment, question;
    int64_t until_ms;
    const char *actor, *via, *note;
    const char *generation; /* as in new_answer */
};
void store_when_back(struct store *store, const struct new_when_back *when_back, answered_done *done, void *user);

/* What people do with the clocks of an open question. It goes on waiting for an answer. */
enum putting_off { PUT_OFF_EXTEND, PUT_OFF_PARK, PUT_OFF_UNPARK };
struct new_put_off {
    uint64_t deployment, question;
    enum putting_off how;
    int64_t deadline_ms;  /* of EXTEND and UNPARK, the new one; 0 = none */
    enum closing closing; /* as in new_answer: a deployment that is failed in the same moment is not put off */
    const char *actor, *via;
};
/* ANSWER_CHANGED: it is parked already. */
void store_put_off(struct store *store, const struct new_put_off *put_off, answered_done *done, void *user);

/* ANSWER_TOO_LATE: canceled before, or final. */
void store_cancel(struct store *store, uint64_t deployment, const char *actor, const char *via, const char *note,
                  const char *event_id, answered_done *done, void *user);

/* What starts something, and what answers or promises an answer, is on condition that the configuration under which
 * permission was checked is still in force. Take, check, clocks, cancel and freeze are not: what they do is written down
 * with who did it, and holds things up at most, which must not fail while configurations change. A deadline is nobody's
 * answer: it was permitted when the plan was frozen. */

/* Asks a worker of the run's host to look again (a question about an unknown outcome). */
void store_check(struct store *store, const struct deployment *d, const struct question *question, answered_done *done,
                 void *user);

/* Makes this configuration the one in force. */
void store_put_generation(struct store *store, const char *generation, commit_done *done, void *user);

/* --- what the leader writes, added to its commit ---------------------------------------------------------------- */

void commit_put_deployment(struct commit *commit, const struct deployment *d); /* the header */
void commit_put_run(struct commit *commit, const struct deployment *d, size_t step, size_t slot);
void commit_put_claim(struct commit *commit, const struct deployment *d, size_t step, size_t slot, char letter,
                      uint32_t attempt, uint32_t epoch); /* q or a */
void commit_ask(struct commit *commit, const struct deployment *d, const struct question *question);
void commit_put_excerpt(struct commit *commit, const struct question *question);
/* Also adds the precondition that the question is still open: an answer that came first wins. */
size_t commit_close_question(struct commit *commit, const struct deployment *d, uint64_t question,
                             enum guidance guidance, const char *why,
                             int64_t now_ms); /* returns the number of that precondition */
/* The precondition that nobody has put the deadline off: what people do with it is recorded in the question at once. */
void commit_require_deadline(struct commit *commit, uint64_t question, int64_t deadline_ms);
/* What was done for the card so far, in its first question. */
void commit_put_vigil(struct commit *commit, const struct vigil *vigil);
/* The leader itself fails the deployment: `closing` becomes `next`, on condition that nobody closed it before, and FAILING comes behind every
 * claim that was recorded until then. (Answers and cancels set
 * it with their own commit. commit_put_deployment never writes `closing` or `excluded`: they belong to those who answer. It writes what the
 * leader has applied, d->closing, as `phase`; reading gives `closing` as d->intake and `phase` as d->closing.) */
void commit_put_closing(struct commit *commit, uint64_t deployment, enum closing next, int64_t now_ms);
/* Leaves the lane and `live`, wakes the next. Refused if somebody has failed or canceled it and d does not know. */
void commit_finish(struct commit *commit, const struct deployment *d);
/* The target has the version, which pays what it was owed. */
void commit_deployed(struct commit *commit, const struct deployment *d, const char *target, int64_t now_ms);
void commit_owed(struct commit *commit, const struct deployment *d, const char *target, int64_t now_ms);
void commit_unconfirmed(struct commit *commit, const struct deployment *d, const char *target, bool unknown,
                        int64_t now_ms);
/* An answer to this error (`past` of a question), or with GUIDANCE_NONE that a Retry of it worked; an answer that was not used up. */
void commit_past(struct commit *commit, const struct deployment *d, uint64_t past, enum guidance guidance);
void commit_past_taken_back(struct commit *commit, const struct deployment *d, uint64_t past, enum guidance guidance);
void commit_changed(struct commit *commit, uint64_t deployment); /* its views are stale */
/* Chains the entry to d->audit_head and advances it. */
void commit_audit(struct commit *commit, struct deployment *d, const char *what, const char *actor, const char *via,
                  const char *note, int64_t now_ms);
void commit_add_timer(struct commit *commit, uint64_t deployment, const struct effect *effect);
void commit_remove_timer(struct commit *commit, const char *member);

/* --- codecs, for the above and for tests --------------------------------------------------------------------------- */

void plan_to_json(const struct plan *plan, struct buf *out);
struct plan *plan_from_json(const char *text, size_t size, struct arena *arena, struct err *err);

#endif
