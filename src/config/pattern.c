#include "pattern.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

enum { REPETITIONS_MAX = 1000 };

/* The product of all {n,m}: about how often glibc copies what is repeated when it compiles. */
static size_t repetitions(const char *text) {
    size_t product = 1;
    for (const char *c = strchr(text, '{'); c != NULL; c = strchr(c + 1, '{')) {
        size_t number = 0, largest = 1;
        for (const char *digit = c + 1; isdigit((unsigned char)*digit) || *digit == ','; digit++) {
            number = *digit == ',' ? 0 : number * 10 + (size_t)(*digit - '0');
            largest = number > largest ? number : largest;
            if (largest > REPETITIONS_MAX) {
                return largest;
            }
        }
        product *= largest;
        if (product > REPETITIONS_MAX) {
            return product;
        }
    }
    return product;
}

/* The first letter or digit that stands behind a backslash and means nothing, or something costly; 0 if none. */
static char unknown_escape(const char *text) {
    for (const char *c = strchr(text, '\\'); c != NULL && c[1] != '\0'; c = strchr(c + 2, '\\')) {
        if (isalnum((unsigned char)c[1]) && strchr("dwWsSbB", c[1]) == NULL) {
            return c[1];
        }
    }
    return '\0';
}

static void translate(struct buf *out, const char *text) {
    bool in_brackets = false;
    for (const char *c = text; *c != '\0'; c++) {
        if (c[0] == '\\' && c[1] == 'd') {
            buf_adds(out, in_brackets ? "0-9" : "[0-9]");
            c++;
        } else if (c[0] == '\\' && c[1] != '\0' && !in_brackets) {
            buf_add(out, c, 2);
            c++;
        } else {
            bool opens = *c == '[' && !in_brackets;
            in_brackets = opens || (in_brackets && *c != ']');
            buf_addc(out, *c);
            if (opens && (c[1] == ']' || (c[1] == '^' && c[2] == ']'))) {
                /* A closing bracket that comes first is a member of the set. */
                size_t first = c[1] == '^' ? 2 : 1;
                buf_add(out, c + 1, first);
                c += first;
            }
        }
    }
}

const char *pattern_compile(struct arena *arena, const char *text, const char **ret_problem) {
    const char *result = NULL;
    *ret_problem = NULL;
    char unknown = unknown_escape(text);
    if (unknown != '\0') {
        *ret_problem = arena_printf(arena, "\\%c is not known here", unknown);
        return NULL;
    }
    if (repetitions(text) > REPETITIONS_MAX) {
        *ret_problem = "repeats more than 1000 times";
        return NULL;
    }
    struct buf pattern = BUF_INIT(4 * LIMIT_NOTE_BYTES);
    translate(&pattern, text);
    regex_t compiled;
    int failed = regcomp(&compiled, pattern.data, REG_EXTENDED | REG_NOSUB);
    if (failed == 0) {
        regfree(&compiled);
        result = arena_strdup(arena, pattern.data);
    } else {
        char reason[200];
        (void)regerror(failed, &compiled, reason, sizeof reason);
        *ret_problem = arena_printf(arena, "is no POSIX extended regular expression: %s", reason);
    }
    buf_finish(&pattern);
    return result;
}
