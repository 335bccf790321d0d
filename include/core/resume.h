#ifndef GP_CORE_RESUME_H
#define GP_CORE_RESUME_H

/*
 * How a deployment begins that goes on from one before it: with the same frozen plan, and with some runs settled
 * already. What was done there stays done and is not run again, but for the steps of a group that its cleanup has undone;
 * a machine that was excluded there stays excluded, and is owed the version.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/deployment.h"

/* A run whose outcome is unknown may have happened, and may still run. What becomes of it is for the person to say who
 * resumes: it is run again, or somebody has looked and it worked. Nothing proves
 * that the attempt before is gone: the new one begins where that ran, and the lock of its target there keeps them apart. */
enum resume_unknown { RESUME_UNSAID, RESUME_RERUN, RESUME_WORKED };

/* The word for it in a command and in the audit: "rerun-unknown", "unknown-worked"; "" for UNSAID. */
const char *resume_word(enum resume_unknown unknown);

/* Whether the deployment can be resumed, as far as it can be seen in itself; if not, a sentence that says what can be
 * done instead. */
bool resume_possible(const struct deployment *d, enum resume_unknown unknown, struct arena *arena, struct err *err);

/* The value that the resuming deployment begins with: only what did not finish is pending. `always` and `cleanup`
 * steps are done if everything before them was, `failure` steps wait for a new failure. */
struct deployment *resume_begin(const struct deployment *of, enum resume_unknown unknown, struct arena *arena);

/* The same plan once more from its first step, with the same machines left out, or with them too. What may still run begins
 * where it ran, as above. */
struct deployment *resume_again(const struct deployment *of, bool with_excluded, struct arena *arena);

/* "The outcome of Migrate in D311 is unknown: ... ", or "" if nothing that begins again may still run. */
const char *resume_again_unknown(const struct deployment *of, const struct deployment *begun, struct arena *arena);

/* Where it goes on: "Install on web-3", "Install on 2 machines". NULL if nothing is left to do. */
const char *resume_place(const struct deployment *begun, struct arena *arena);

/* A sentence about what is repeated of what was done there, and what is not. */
const char *resume_repeats(const struct deployment *of, const struct deployment *begun);

/* What is told about resuming it, before anybody asks. */
struct resume_outlook {
    const char *place;   /* where it would go on; NULL: it can't be resumed, as far as it can be seen in itself */
    const char *unknown; /* a sentence about the outcomes that somebody has to look at before; or NULL */
    const char *refusal; /* the same, and what to say then; or NULL */
    /* The button that resumes it, everywhere: what is unknown is run again then. */
    const char *verb, *label, *consequence; /* "resume" or "rerun-unknown", "Resume", a true sentence */
};
struct resume_outlook resume_look(const struct deployment *d, struct arena *arena);

#endif
