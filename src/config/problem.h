#ifndef GP_SRC_CONFIG_PROBLEM_H
#define GP_SRC_CONFIG_PROBLEM_H

/*
 * Collecting what is wrong with a configuration. Every text may quote the file: what is quoted is made
 * safe for a terminal here, in one place. After LIMIT_CONFIG_ERRORS problems more are only counted.
 */

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"

struct problem_place {
    const char *file;
    unsigned line, column; /* from 1; 0 = the whole file */
};

void problem_init(struct config_problems *problems);
void problem_error(struct config_problems *problems, struct problem_place place, const char *format, ...)
    PRINTF_LIKE(3, 4);
void problem_warn(struct config_problems *problems, struct problem_place place, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* True when no more problems are kept: then it does not pay to look for words that might have been meant. */
bool problem_full(const struct config_problems *problems);

/* By file, line and column, as a person reads the file. */
void problem_sort(struct config_problems *problems);

#endif
