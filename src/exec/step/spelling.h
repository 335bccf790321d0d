#ifndef GP_EXEC_STEP_SPELLING_H
#define GP_EXEC_STEP_SPELLING_H

/*
 * The ways in which a secret value shows up in the output of programs: as it is, each of its lines, and both in
 * base64 (wherever the value begins within the encoded text, also wrapped into lines), hexadecimal, URL-encoded, as
 * a JSON string and quoted for a shell. Quotation marks around a value are not part of a spelling.
 */

#include <stdbool.h>
#include <stddef.h>

/* Calls `each` with every spelling, also alike and very short ones. False: no memory, or `each` said so. */
bool spelling_each(const char *value, size_t size, bool (*each)(void *user, const char *bytes, size_t size),
                   void *user);

#endif
