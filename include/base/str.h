#ifndef GP_BASE_STR_H
#define GP_BASE_STR_H

/* Words on text that the C library lacks or gets wrong. Nothing here depends on the locale. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

bool str_equal(const char *a, const char *b);        /* NULL equals only NULL */
bool str_equal_nocase(const char *a, const char *b); /* ASCII */
bool str_starts(const char *text, const char *prefix);
bool str_starts_nocase(const char *text, const char *prefix);
bool str_empty(const char *text); /* NULL or "" */

/* Equal, in a time that depends only on the length of `given`. For secrets. */
bool str_equal_secret(const char *secret, const char *given);

/* A whole decimal number without sign, blanks or anything behind it. */
int str_to_u64(const char *text, uint64_t *ret_value, struct err *err) MUST_USE;
int str_to_i64(const char *text, int64_t *ret_value, struct err *err) MUST_USE;

/* "90s", "1h30m", "250ms", "2d". A number without a unit is an error, and so is 0 units. */
int str_to_duration_ms(const char *text, int64_t *ret_ms, struct err *err) MUST_USE;

/* "6 min 40 s", "2 h 5 min", "3 d 4 h": the two largest units, as messages show it. */
void str_duration(struct buf *out, int64_t ms);

/* True if a name matches ^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$: versions, targets, projects, rooms. */
bool str_is_name(const char *text);

/* True if the bytes are well-formed UTF-8 without NUL (RFC 3629). */
bool str_is_utf8(const char *data, size_t size);

/* The largest n <= limit such that the first n bytes do not cut a UTF-8 character. */
size_t str_utf8_cut(const char *data, size_t size, size_t limit);

/* Appends any bytes as text that is safe to show: escape sequences (CSI, OSC, ...) and control
 * characters but \n and \t are removed, broken UTF-8 becomes U+FFFD, bidirectional controls are
 * shown as <U+202E>. */
void str_show(struct buf *out, const char *data, size_t size);

/* The number of single edits between two words, ignoring case; for "did you mean". Two letters that changed places are
 * one edit. */
size_t str_distance(const char *a, const char *b);

/* The candidate nearest to `word`, or NULL if none is near enough to be meant. */
const char *str_nearest(const char *word, const char *const *candidates, size_t count);

/* Appends as JSON string content, with the quotes. Broken UTF-8 becomes U+FFFD. */
void str_json(struct buf *out, const char *data, size_t size);

/* Appends lower-case hex of the bytes. */
void str_hex(struct buf *out, const void *data, size_t size);

#endif
