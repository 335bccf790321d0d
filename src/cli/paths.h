#ifndef GP_CLI_PATHS_H
#define GP_CLI_PATHS_H

/* Where things lie that are installed beside this program. */

#include <stddef.h>

#include "base/err.h"

/* guidepost-step: beside guidepost, or in ../libexec/guidepost. */
int path_of_step_program(char *out, size_t size, struct err *err) MUST_USE;

/* The demo's configuration: ../share/guidepost/demo, or ../../config/demo in a build tree. */
int path_of_demo_config(char *out, size_t size, struct err *err) MUST_USE;

/* This program itself. */
int path_of_self(char *out, size_t size, struct err *err) MUST_USE;

#endif
