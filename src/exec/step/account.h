#ifndef GP_EXEC_STEP_ACCOUNT_H
#define GP_EXEC_STEP_ACCOUNT_H

/*
 * The user a script runs as. Read from /etc/passwd and /etc/group directly: a statically linked program cannot load
 * the name services of the machine, so only local accounts are known here.
 */

#include <sys/types.h>

enum { ACCOUNT_GROUPS = 256 };

struct account {
    uid_t uid;
    gid_t gid;
    gid_t groups[ACCOUNT_GROUPS];
    size_t group_count;
};

/* Both return 0 or a negative errno; -ENOENT: there is no such user. */
int account_find(struct account *ret, const char *name);

/* Becomes that user for good. For who is not root it succeeds only when that is the user already. */
int account_become(const struct account *account);

#endif
