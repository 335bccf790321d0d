#ifndef GP_EXEC_SCRIPT_ENV_H
#define GP_EXEC_SCRIPT_ENV_H

/*
 * The instructions for one attempt: script, environment built from nothing, secrets resolved now and kept nowhere.
 */

#include "base/buf.h"
#include "base/err.h"
#include "core/plan.h"
#include "exec/worker.h"
#include "store/queue.h"

struct script_place {
    const char *state_dir;
    const char *url;              /* of the server; or NULL */
    const char *work;             /* of guidepost-ssh: start or attach */
    const struct worker_ssh *ssh; /* how ssh is called; for a target that is reached by it */
    const char *installation;     /* tells the runs of this Redis from those of others on a target */
};

/* Whether the job's step runs on a target that is reached by ssh. */
bool script_is_remote(const struct plan *plan, const struct job *job);

/* On failure the text says which secret can't be read; nothing must be started then. The buf is to be cleared with script_clear. */
int script_instructions(const struct plan *plan, const struct job *job, const struct script_place *place,
                        struct buf *out, struct err *err) MUST_USE;

/* Overwrites the bytes before they are freed. */
void script_clear(struct buf *instructions);

#endif
