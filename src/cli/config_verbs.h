#ifndef GP_CLI_CONFIG_VERBS_H
#define GP_CLI_CONFIG_VERBS_H

/* `config check|docs|schema`: nothing is started, and no secret is read but for `check --online`. */

#include "verbs.h"

int config_verb_run(struct invocation *invocation);

/* The path of the configuration: --config, else ./guidepost.yaml, else /etc/guidepost. ERR_NOT_FOUND says how to get
 * one. */
int config_find_path(const struct options *options, const char **ret_path, struct err *err) MUST_USE;

#endif
