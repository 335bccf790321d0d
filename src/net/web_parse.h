#ifndef GP_NET_WEB_PARSE_H
#define GP_NET_WEB_PARSE_H

/* The parts of a request's target and of its Cookie header (RFC 3986, RFC 6265). For web.c only. */

#include <stdbool.h>
#include <stddef.h>

struct web_pair {
    const char *name, *value; /* borrowed from text */
};

struct web_pairs {
    char *text; /* owned; cut into the pairs */
    struct web_pair *items;
    size_t count;
};

/* The decoded path of a target "/path?query", owned by the caller; NULL if it is not of this form, or if there
 * are broken escapes or control characters in it. */
char *web_parse_path(const char *target);

/* The decoded query of a target. False if it is malformed. An empty query is no error. */
bool web_parse_query(struct web_pairs *pairs, const char *target);

/* What is no name=value is skipped. */
void web_parse_cookies(struct web_pairs *pairs, const char *header);

/* The first value of that name, in exact case, or NULL. */
const char *web_parse_find(const struct web_pairs *pairs, const char *name);

void web_parse_finish(struct web_pairs *pairs);

#endif
