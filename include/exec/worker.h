#ifndef GP_EXEC_WORKER_H
#define GP_EXEC_WORKER_H

/*
 * Runs steps: reads jobs, claims them, starts guidepost-step or guidepost-ssh, follows the output, records the end, and adopts what
 * others left behind: on this host, or on a target that is reached by ssh (exec/rundir.h has the protocol). It never decides what
 * follows.
 *
 * A worker that finds itself replaced (a refused commit) lets go and kills nothing. While Redis is away running steps go on, ends wait
 * in their run directories, and nothing new starts.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "net/loop.h"
#include "store/store.h"

/* How ssh is called; borrowed until the next call. */
struct worker_ssh {
    const char *config, *known_hosts; /* paths, or NULL */
    const char *const *options;       /* Keyword=value */
    size_t option_count;
};

struct worker_options {
    struct loop *loop;
    struct store *store;                  /* borrowed; becomes ready by itself */
    const char *state_dir;                /* absolute: runs/, targets/, workers/ are made in it */
    const char *step_program;             /* path of guidepost-step */
    const char *ssh_program;              /* path of guidepost-ssh; NULL = beside guidepost-step */
    struct worker_ssh (*ssh)(void *user); /* as it is configured now; NULL = ssh's own files */
    void *user;
    const char *host; /* name of this host; NULL = gethostname */
    const char *url;  /* of the server, for GUIDEPOST_URL; or NULL */
    unsigned slots;
    int64_t heartbeat_ms;
};

struct worker;

/* Locks workers/<id>.lock in the state directory for its life, and tells the leader about workers of this host whose lock is free. */
int worker_create(const struct worker_options *options, struct worker **ret_worker, struct err *err) MUST_USE;
const char *
worker_id(const struct worker *worker); /* host-place-pid-random; place: of the boot and the state directory */
unsigned worker_busy(const struct worker *worker);

/* Takes no new jobs; `drained` runs once when the last run has ended and is recorded, and the leader was told good-bye. */
void worker_drain(struct worker *worker, void (*drained)(void *user), void *user);

/* Lets go of everything at once: running steps go on without it and are adopted by the next worker of this host. */
void worker_destroy(struct worker *worker);

#endif
