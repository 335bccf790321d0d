#ifndef GP_CLI_HELP_H
#define GP_CLI_HELP_H

/* Help, completion and the reference, all written from the tables of verbs, options, commands and errors. */

#include "base/buf.h"
#include "verbs.h"

void help_overview(void);
void help_verb(const struct verb *verb);

/* docs/COMMANDS.md. */
void help_write_reference(struct buf *out);

/* ERR_INVALID if there is no such shell. */
int help_write_completion(const char *shell, struct buf *out, struct err *err) MUST_USE;

int help_run(struct invocation *invocation);
int help_docs_run(struct invocation *invocation);
int help_completion_run(struct invocation *invocation);

#endif
