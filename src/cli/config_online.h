#ifndef GP_CLI_CONFIG_ONLINE_H
#define GP_CLI_CONFIG_ONLINE_H

/* `config check --online`: asks Redis and Slack whether what the configuration says of them is true, and changes
 * nothing there. Reads their secrets. */

#include <stdbool.h>

#include "base/json.h"
#include "config/config.h"
#include "terminal.h"

/* One line for each thing on standard output, as soon as it is known; or, unless json is NULL, an object for each in
 * that array. True if nothing is wrong. */
bool config_online_check(const struct config *config, const struct terminal *terminal, struct json_out *json);

#endif
