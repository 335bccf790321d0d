#ifndef GP_EXEC_ERRAND_H
#define GP_EXEC_ERRAND_H

/*
 * A short command run by /bin/sh for this process itself, as a pager is called. Unlike a step it does not outlive us, nothing is
 * recorded of it, and its environment is what is given and no more. It is a session of its own, and whatever is left of that at
 * its end, after the limit, or when this process is gone, is killed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

struct errand;

/* Everything is copied. */
struct errand_options {
    const char *script;
    const char *work_dir;
    const char *const *env; /* "NAME=value" */
    size_t env_count;
    int64_t limit_ms;
};

struct errand_end {
    int status, signal;    /* of its end */
    bool timed_out;        /* it was killed for the limit */
    const char *output;    /* the last of what it wrote; borrowed until the callback returns */
    bool cut;              /* and there was more before */
    const struct err *err; /* it could not be started; else NULL */
};

typedef void errand_done(const struct errand_end *end, void *user);

/* Exactly one callback, never before this returns; none after errand_destroy. */
struct errand *errand_start(struct loop *loop, const struct errand_options *options, errand_done *done, void *user);

/* Kills it if it still runs. */
void errand_destroy(struct errand *errand); /* NULL does nothing; not after its callback has returned */

#endif
