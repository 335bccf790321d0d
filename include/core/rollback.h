#ifndef GP_CORE_ROLLBACK_H
#define GP_CORE_ROLLBACK_H

/* Which version a rollback goes back to. */

#include <stdbool.h>
#include <stddef.h>

/* A version that a lane had; `rolls_back` if a rollback brought it, `partial` if only to some machines or not by all
 * steps. */
struct rollback_entry {
    const char *version;
    bool rolls_back, partial;
};

/* Of what the lane had, newest first: the version before the present one. What was rolled back from is passed over, so
 * that a second rollback goes further back and not forth; and what was there only in part is never gone back to, only away
 * from. count = there is none. */
size_t rollback_choose(const struct rollback_entry *entries, size_t count);

#endif
