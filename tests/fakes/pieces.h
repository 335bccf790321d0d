#ifndef GP_TESTS_PIECES_H
#define GP_TESTS_PIECES_H

/* Pieces of texts that a test looks for, counts, or makes long texts of. */

#include <stddef.h>

#include "base/arena.h"

/* Fail the test, and show the whole text. */
void pieces_assert_has(const char *text, const char *piece);
void pieces_assert_lacks(const char *text, const char *piece);

size_t pieces_count(const char *text, const char *piece);

/* The piece so many times. */
const char *pieces_repeat(const char *piece, size_t times, struct arena *arena);

#endif
