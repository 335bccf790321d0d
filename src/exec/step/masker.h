#ifndef GP_EXEC_STEP_MASKER_H
#define GP_EXEC_STEP_MASKER_H

/*
 * Masks secrets in a stream of bytes.
 *
 * Each byte that belongs to an occurrence of any of the texts to mask is masked, also where occurrences overlap, and
 * each unbroken run of masked bytes comes out as ***. The result does not depend on how the stream is cut: only the
 * bytes that may still turn out to begin such a text are held back, fewer than the longest text has, and they come
 * out as soon as the next byte says that they do not. So no timer is needed for output to be prompt.
 *
 * No I/O, no clock. Use: create, add all, build, then feed, then finish; after finish a new stream may be fed.
 */

#include <stdbool.h>
#include <stddef.h>

enum { MASKER_BYTES_MIN = 6 }; /* a shorter text would mask too much that is no secret */

struct masker;

/* NULL when memory ran out. */
struct masker *masker_create(void);
void masker_destroy(struct masker *masker);

/* Adds one text to mask, exactly as it is; one shorter than MASKER_BYTES_MIN is left alone. False: no memory. */
bool masker_add(struct masker *masker, const char *bytes, size_t size);

/* Adds a secret value in every spelling of spelling.h. False: no memory. */
bool masker_add_secret(struct masker *masker, const char *value, size_t size);

/* Ends adding. False: no memory. */
bool masker_build(struct masker *masker);

/* The most bytes that masker_finish gives, and that masker_feed gives beyond the size of what it is fed. */
size_t masker_held_max(const struct masker *masker);

/* Writes what is settled to `out` and returns its size, at most size + masker_held_max. */
size_t masker_feed(struct masker *masker, const char *bytes, size_t size, char *out);

/* Whether a new masker would go on from here as this one does: nothing is held back, and the last byte was not masked. */
bool masker_is_at_rest(const struct masker *masker);

/* The stream has ended: writes what was held back, at most masker_held_max bytes. */
size_t masker_finish(struct masker *masker, char *out);

#endif
