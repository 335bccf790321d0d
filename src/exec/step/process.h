#ifndef GP_EXEC_STEP_PROCESS_H
#define GP_EXEC_STEP_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* What a supervisor is as a process: a session of its own, with nothing open but 0, 1 and 2, that leaves no core. */
void process_set_up(void);

/* Whoever had started us when we were set up is gone. */
bool process_is_alone(void);

/* Makes it deaf to all signals that a terminal or a worker sends, and returns a descriptor that reads SIGTERM and SIGCHLD,
 * both blocked. */
int process_signals(void);

/* In a child that is about to become another program: as if there had never been any of that. */
void process_signals_undo(void);

/*
 * Takes what that descriptor has to say. True if a SIGTERM means us: one that names a process (sigqueue) was meant for
 * the run of that shell only, which may be over.
 */
bool process_canceled(int signal_fd, pid_t shell);

#endif
