#ifndef GP_EXEC_RUNDIR_PRIVATE_H
#define GP_EXEC_RUNDIR_PRIVATE_H

/*
 * The worker's side of the run directory (exec/rundir.h has the protocol). A path is that of the directory, or of the
 * record with its other files beside it, whichever is there.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/deployment.h"

enum { RUNDIR_PATH_SIZE = 1024 };

/* <state>/runs/<deployment>/<step>.<slot>.<attempt> */
void rundir_path(char out[RUNDIR_PATH_SIZE], const char *state_dir, uint64_t deployment, size_t step, size_t slot,
                 uint32_t attempt);

/* Makes it, exclusively: 0 = made by us, ERR_CONFLICT = it was there, ERR_IO = it cannot be made. */
int rundir_make(const char *path, struct err *err) MUST_USE;
int rundir_make_directory(const char *path, struct err *err) MUST_USE; /* for guidepost-ssh */

/* A file of it by its name in the directory. */
void rundir_file(char out[RUNDIR_PATH_SIZE], const char *path, const char *name);

/* Where its files are, and how their names begin there. */
void rundir_place(char out_directory[RUNDIR_PATH_SIZE], const char **ret_prefix, const char *path);

/* The same for a run on an ssh target that another worker began in a directory that is not here: with a start of which
 * nothing is known, so that nobody takes it for one that never was. It may be there already. */
int rundir_make_adopted(const char *path, struct err *err) MUST_USE;

/* What a run directory says about an attempt that is not ours. */
enum rundir_truth {
    RUNDIR_NEVER_STARTED, /* now marked void: it never will be */
    RUNDIR_RUNNING,       /* the supervisor lives */
    RUNDIR_ENDED,
    RUNDIR_GONE,       /* it was started, and neither supervisor nor end is there */
    RUNDIR_UNREADABLE, /* the disk does not answer: say nothing */
};
/* A directory that is not there, or a record without its first line, proves that nothing started only if the owner had
 * this state directory, under this boot. */
enum rundir_truth rundir_look(const char *path, bool owner_was_here);

/* The recorded end. False if there is none (yet). */
bool rundir_end(const char *path, struct outcome *ret_outcome, uint64_t *ret_bytes, uint64_t *ret_left_out);

/* Puts the record on disk: it has an end that can't be told now. */
void rundir_sync(const char *path);

/* Records an end ourselves, of a run directory that we made: nothing was started, `why` is the output. ERR_CONFLICT: an
 * adopter has given it up. */
int rundir_not_started(const char *path, int number, const char *why, struct err *err) MUST_USE;

/* The number of the newest output segment; 0 if there is none. */
uint64_t rundir_last_segment(const char *path);
int rundir_open_segment(const char *path, uint64_t number); /* to read; -1 if it is not there */

/* The supervisor holds its lock: it lives. */
bool rundir_is_locked(const char *path);

/* Whether anything of the session that was started here may still run: the supervisor, or what it left behind. */
bool rundir_still_runs(const char *path);

/* SIGTERM to the supervisor, and a note of that, since a supervisor that goes on with a run on an ssh target would not know. False if
 * there is none to be told yet. */
bool rundir_stop(const char *path);
bool rundir_is_stopped(const char *path); /* It is noted. */

/* The last lines of output, safe to show, and why the target is lost if it is. */
void rundir_excerpt(const char *path, struct buf *out);

/* Of a run on an ssh target: nothing is heard of it (`lost`), so that its outcome is unknown for now. Whoever adopts such a
 * run says so himself, until the target was heard. */
bool rundir_is_lost(const char *path);
bool rundir_is_void(const char *path);
void rundir_lose(const char *path, const char *why);

/* The end was told: removes the output, notes it in the record, and keeps that, because the directory's existence is
 * what keeps the attempt from starting again. */
void rundir_clear(const char *path);

/* Removes the directories of deployments in which nothing began for a week and every end was told, and those of an hour ago by which a
 * target was asked about an attempt before. */
void rundir_sweep(const char *state_dir);

#endif
