#ifndef GP_EXEC_STEP_GROUP_H
#define GP_EXEC_STEP_GROUP_H

/* A process group, named by the process id of its first member. */

#include <stdbool.h>
#include <sys/types.h>

/* Signals every member, and wakes the stopped ones so that they can follow it. */
void group_end(pid_t group, int number);

/* Whether the group has no member, running or waiting to be reaped. */
bool group_is_empty(pid_t group);

/* Whether no member can run any more. Asks /proc, so it is for when group_is_empty stays false after SIGKILL. */
bool group_is_dead(pid_t group);

#endif
