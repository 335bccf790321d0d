#ifndef GP_EXEC_SSH_CLIENT_H
#define GP_EXEC_SSH_CLIENT_H

/*
 * One process of OpenSSH's client: a connection to the target, or the attempt to make one. What it is to run there is the same
 * text for every run: a line that has contact.sh read and evaluated. Nothing of a run is in its command line.
 */

#include "../step/instructions.h"
#include "exec/rundir.h"
#include "outbox.h"

#include <sys/types.h>

enum { CLIENT_TROUBLE_BYTES = 4096 };

struct client {
    pid_t pid; /* 0 = there is none */
    int in_fd; /* -1 = closed, here and below */
    int out_fd;
    int err_fd;
    int status;  /* of waitpid, once it has ended */
    bool ended;  /* and this is collected */
    bool reused; /* over a connection that seems to be there already */
    struct outbox outbox;
    char trouble[CLIENT_TROUBLE_BYTES]; /* the end of what it said on standard error */
    size_t trouble_size;
};

void client_init(struct client *client);

/* Shared: by a connection that is shared with others, if the instructions allow it. Returns 0 or a negative errno. */
int client_start(struct client *client, const struct instructions *in, bool shared);

/* Takes what it says on standard error. */
void client_listen(struct client *client);

/* Looks whether it has ended. */
void client_reap(struct client *client);

/* Lets go of it: it ends by itself when what was written is through. */
void client_leave(struct client *client);

/* Ends it at once. */
void client_kill(struct client *client);

/* Why there is no connection, from its exit status and what it said. */
enum rundir_unreachable client_verdict(const struct client *client);

/* In words that go on after the name of the target. */
const char *client_words(enum rundir_unreachable why);

/* The last line it said, "" if there is none. */
const char *client_last_line(struct client *client);

#endif
