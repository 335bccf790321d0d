#ifndef GP_APP_TASK_H
#define GP_APP_TASK_H

/*
 * One operation under way: a copy of what was asked, the memory of its making, and the one reply. Private to operations.
 */

#include "app/operations.h"
#include "base/arena.h"
#include "base/json.h"
#include "store/records.h"

struct operations {
    struct operations_options options;
    struct task *tasks; /* under way */
};

struct task {
    struct operations *operations;
    struct task *next, **link;
    struct arena *arena;
    struct operation op;   /* copied into the arena */
    struct config *config; /* a reference: the one under which permission is checked */
    operation_done *done;
    void *done_user;
    struct timer *soon;
    struct buf text, json;            /* of the reply */
    struct json_out out;              /* into json */
    struct deployment_record *record; /* owned, or NULL */
    void *state;                      /* of the handler, in the arena */
    unsigned tries;
    size_t waiting;
    uint64_t deployment, question;
    bool lacks_inputs;
    struct err err; /* code ERR_NONE = went well */
};

/* Replies and frees. task_fail takes the sentence from err. */
void task_reply(struct task *task);
void task_fail(struct task *task, const struct err *err);
/* Ends a task that wanted to change what could not be read: says too that nothing was recorded. */
void task_unread(struct task *task, const struct err *err);
void task_refuse(struct task *task, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Refuses the task, since another configuration is in force than the one that it was checked against; and has the file read
 * again, so that the next try may work. */
void task_stale(struct task *task, const char *sentence);

/* True if the actor has all bits of `permission`; else refuses the task with a sentence that says who may. */
bool task_allowed(struct task *task, unsigned permission, const char *project, const char *environment);

/* The handlers: each leads to exactly one reply. */
void task_deploy(struct task *task);
void task_answer(struct task *task);
void task_take(struct task *task);
void task_check(struct task *task);
void task_again(struct task *task);
void task_resume(struct task *task);
void task_catch_up(struct task *task);
void task_rollback(struct task *task);
void task_promote(struct task *task);
void task_freeze(struct task *task); /* and unfreeze */
void task_put_off(struct task *task);
void task_when_back(struct task *task);
void task_cancel(struct task *task);
void task_status(struct task *task);
void task_pending(struct task *task);
void task_show(struct task *task);
void task_who(struct task *task);
void task_log(struct task *task);
void task_history(struct task *task);
void task_versions(struct task *task);
void task_help(struct task *task);
void task_whoami(struct task *task);

/* What every new deployment goes through, whatever asked for it: permission and freeze were looked at by
 * task_may_deploy, are looked at again by the commit, and the reply names the number. */
struct task_start {
    const struct plan *plan;
    const char *version, *inputs;
    int guided;
    enum origin origin;
    uint64_t origin_id;
    bool rolls_back;
    const struct deployment *begun; /* or NULL */
    const char *decision;           /* a word for the audit, or NULL */
    const char *more;               /* what the reply says behind "D312: shop 1.4 to production starts."; or NULL */
};
void task_start(struct task *task, const struct task_start *start);

/* Looks whether the actor may deploy there, and whether it is frozen; goes on with `next`, or refuses the task. */
void task_may_deploy(struct task *task, const char *project, const char *environment, void (*next)(struct task *task));

/* Ends a task that was to start something and must not, with the sentence of err; but a request that has started
 * something before and is only sent again is told so. */
void task_not_started(struct task *task, const struct err *err);

/* The same as `deploy <project> <version> to <environment>`, with what the command of the task says besides. The names
 * in it are there already. */
void task_deploy_as(struct task *task, enum origin origin, uint64_t origin_id, bool rolls_back, const char *more);

/* The record of a question in the loaded deployment; NULL if it is not there. */
struct question_record *record_question(const struct deployment_record *record, uint64_t question);

/* Whether the question is open, and one of those that `asked` stands for: all of its card, or itself; and the first. */
bool task_stands_for(const struct task *task, const struct question_record *asked, const struct question_record *other);
const struct question_record *task_first_open(const struct task *task, const struct question_record *asked);
/* Opens what changes a question that is loaded. False if the task is over: it could not be read, it is closed, or others may do this. */
bool task_question_came(struct task *task, unsigned permission, struct deployment_record *record,
                        const struct err *err);
/* Whether the actor's answer would be accepted now; else a sentence that says why not: an option that is not offered, a
 * note that is missing, a question that somebody else has taken. */
bool task_acceptable(const struct task *task, const struct question_record *asked, enum guidance guidance,
                     struct err *err);
/* Refuses the task: says who was first. */
void task_too_late(struct task *task, const struct question_record *asked);

/* "Q42 was answered by alice 12 s ago: Retry." */
void question_over(const struct question_record *question, int64_t now_ms, struct buf *out);

#endif
