#ifndef GP_CLI_STATE_DIR_H
#define GP_CLI_STATE_DIR_H

/*
 * What a server keeps on this host, in the folder of --state-dir:
 *     serve/<random>.lock   flock held by that process for as long as it lives
 *     up.lock               flock held by the one `guidepost up` of this folder
 *     local.token           the token of the local user, made once
 *     address               where the server listens
 * and what others put there: redis/, runs/ and targets/ (exec/rundir.h), seq (the witness of the store).
 */

#include <stdbool.h>

#include "base/err.h"
#include "base/id.h"

struct state_dir;

/* Makes the folder if it is missing. `alone`: ERR_CONFLICT if another process has it so. */
int state_dir_open(const char *path, bool alone, struct state_dir **ret_dir, struct err *err) MUST_USE;
void state_dir_close(struct state_dir *dir); /* NULL does nothing */

const char *state_dir_path(const struct state_dir *dir); /* absolute */

/* <host>/<boot>/<random>: who this process is to the other servers. */
const char *state_dir_token(const struct state_dir *dir);

/* Whether the process of that token is known to be dead: it was on this host and boot, with this folder, and its lock is
 * free. */
bool state_dir_surely_dead(const struct state_dir *dir, const char *token);

int state_dir_write(const struct state_dir *dir, const char *name, const char *text, struct err *err) MUST_USE;

/* Kept over restarts, so that a shell that read it once stays signed in. Of several servers that start with one folder
 * the first makes it for all. */
int state_dir_local_token(const struct state_dir *dir, char ret_token[ID_RANDOM_SIZE], struct err *err) MUST_USE;

#endif
