#ifndef GP_CLI_OUTPUT_H
#define GP_CLI_OUTPUT_H

/* The output of a deployment's runs on standard output, as far as it was not printed yet. Where the run changes, a
 * line says which. */

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "client.h"
#include "terminal.h"

struct output;

struct output_choice {
    const char *step, *target; /* NULL = all */
    bool json;                 /* JSON lines */
};

/* Everything is borrowed. */
struct output *output_create(struct client *client, const struct terminal *terminal,
                             const struct output_choice *choice);
void output_destroy(struct output *output); /* NULL does nothing */

/* deployment: as of GET /v1/deployments/N. ERR_NOT_FOUND if no run is meant by the choice. */
int output_print(struct output *output, const struct json *deployment, struct err *err) MUST_USE;

/* After output_print: nothing more can come from the chosen runs. */
bool output_is_over(const struct output *output);

#endif
