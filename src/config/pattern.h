#ifndef GP_SRC_CONFIG_PATTERN_H
#define GP_SRC_CONFIG_PATTERN_H

#include "base/arena.h"

/*
 * Returns a version_pattern as the POSIX extended regular expression that regcomp understands, or NULL and
 * what is wrong with it. \d is translated, because glibc would silently take it for the letter d; other
 * letters behind a backslash, back references and repetition that would eat the memory are refused.
 */
const char *pattern_compile(struct arena *arena, const char *text, const char **ret_problem);

#endif
