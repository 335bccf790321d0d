#include "account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int groups_find(struct account *account, const char *name) {
    FILE *file = fopen("/etc/group", "re");
    struct group *group;

    if (!file) {
        return errno == ENOENT ? 0 : -errno;
    }
    while ((group = fgetgrent(file)) != NULL) {
        for (char **member = group->gr_mem; *member; member++) {
            if (strcmp(*member, name) == 0 && account->group_count < ACCOUNT_GROUPS) {
                account->groups[account->group_count++] = group->gr_gid;
                break;
            }
        }
    }
    (void)fclose(file);
    return 0;
}

int account_find(struct account *ret, const char *name) {
    FILE *file = fopen("/etc/passwd", "re");
    struct passwd *user;

    if (!file) {
        return -errno;
    }
    do {
        user = fgetpwent(file);
    } while (user && strcmp(user->pw_name, name) != 0);
    if (user) {
        ret->uid = user->pw_uid;
        ret->gid = user->pw_gid;
        ret->groups[0] = user->pw_gid;
        ret->group_count = 1;
    }
    (void)fclose(file);
    return user ? groups_find(ret, name) : -ENOENT;
}

int account_become(const struct account *account) {
    if (getuid() != 0 && getuid() == account->uid && geteuid() == account->uid) {
        return 0;
    }
    if (setgroups(account->group_count, account->groups) < 0 ||
        setresgid(account->gid, account->gid, account->gid) < 0 ||
        setresuid(account->uid, account->uid, account->uid) < 0) {
        return -errno;
    }
    return 0;
}
