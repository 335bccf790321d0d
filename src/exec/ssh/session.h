#ifndef GP_EXEC_SSH_SESSION_H
#define GP_EXEC_SSH_SESSION_H

/*
 * Carries one run out on a target, over as many connections as it takes. Until the target has greeted us nothing is sent, so
 * that what fails before surely starts nothing; from then on the outcome is open, and it is looked for until it is known or
 * can never be.
 */

#include "../step/output.h"
#include "../step/record.h"
#include "client.h"
#include "framing.h"
#include "memory.h"

#include <stdbool.h>
#include <stdint.h>

enum { SESSION_SAID_BYTES = 2048 };

enum session_work {
    SESSION_START,
    SESSION_ATTACH, /* goes on with a run that may have been begun */
    SESSION_STOP,   /* the same, and ends it */
    SESSION_LOOK,   /* as attach, beside whoever goes on with it: the target is not told that its end is known */
    SESSION_PROBE,  /* only looks whether a script could be started: ends as unreachable, or as `exit` 0 */
};

enum session_state {
    SESSION_CALLING, /* a connection is being made */
    SESSION_TALKING, /* the target has greeted us */
    SESSION_PAUSING, /* before the next connection */
    SESSION_OVER,
};

struct session {
    const struct instructions *in;
    struct output *output;
    int signal_fd;
    enum session_state state;
    struct client client;
    struct framing framing;
    struct memory memory;
    bool known;    /* `memory` holds */
    bool open;     /* the script may have been started: the outcome must be found out */
    bool canceled; /* by SIGTERM */
    bool broke;    /* a connection, or guidepost-ssh itself, after the run may have been begun */
    bool lost;     /* the file is there */
    bool probing;
    char boot[64];               /* of the target, as it said over this connection */
    enum rundir_unreachable why; /* the last connection was not made or broke; 0 = all is well */
    unsigned tries;              /* of a first connection */
    struct ending ending;
    char said[SESSION_SAID_BYTES]; /* lines that explain the end to a person; often none */
    /* Of the monotonic clock, in milliseconds. */
    int64_t heard_at;   /* the target, over any connection */
    int64_t here_at;    /* when to say that we are here */
    int64_t stop_at;    /* when to say that it is to be ended */
    int64_t give_up_at; /* this connection, unless something is heard */
    int64_t next_at;    /* the next connection */
    int64_t pause;
};

/* Returns the end, with `said`. No output and no file is touched by a probe. */
struct ending session_run(struct session *session, const struct instructions *in, struct output *output, int signal_fd,
                          enum session_work work);

/* The end is recorded here: the target need not keep the output. Not after SESSION_LOOK. */
void session_tell(struct session *session);

#endif
