#ifndef GP_CLI_PROGRESS_H
#define GP_CLI_PROGRESS_H

/*
 * Tells what has changed in a deployment since the last look: each run as it settles, each question as it is asked
 * and answered. A look is the Deployment of docs/API.md.
 */

#include <stdio.h>

#include "base/json.h"
#include "terminal.h"

struct progress;

struct progress *progress_create(const struct terminal *terminal, FILE *stream); /* both borrowed */
void progress_destroy(struct progress *progress);                                /* NULL does nothing */
void progress_show(struct progress *progress, const struct json *deployment);

/* The first card that is an open question, or NULL. */
const struct json *progress_open_card(const struct json *deployment);

#endif
