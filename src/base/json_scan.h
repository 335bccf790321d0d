#ifndef GP_BASE_JSON_SCAN_H
#define GP_BASE_JSON_SCAN_H

#include <stddef.h>

#include "base/err.h"

/* Checks that the text is one value of JSON (RFC 8259) within the limits of base/limits.h, in one pass and without
 * memory; how many tokens it may have depends on who sent it. Counts brackets, names and values as tokens. Names that come twice are not seen here. */
int json_scan(const char *text, size_t size, size_t token_limit, size_t *ret_tokens, struct err *err) MUST_USE;

#endif
