#include "json_scan.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"

struct scan {
    const char *text; /* borrowed */
    size_t size;
    size_t token_limit;
    size_t at;
    size_t tokens;
    size_t depth;
    bool object[LIMIT_JSON_DEPTH]; /* what each open bracket is: object or array */
    struct err *err;
};

static int refuse(struct scan *scan, enum err_code code, const char *why) {
    return err_set(scan->err, code, "The JSON %s (at byte %zu).", why, scan->at + 1);
}

/* The next byte, or -1 at the end. */
static int peek(const struct scan *scan) {
    return scan->at < scan->size ? (unsigned char)scan->text[scan->at] : -1;
}

static void skip_blanks(struct scan *scan) {
    int c = peek(scan);
    while (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
        scan->at++;
        c = peek(scan);
    }
}

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

static size_t skip_digits(struct scan *scan) {
    size_t before = scan->at;
    while (is_digit(peek(scan))) {
        scan->at++;
    }
    return scan->at - before;
}

static int count_token(struct scan *scan) {
    scan->tokens++;
    return scan->tokens > scan->token_limit ? refuse(scan, ERR_TOO_BIG, "has too many values") : 0;
}

static int scan_number(struct scan *scan) {
    size_t start = scan->at;
    scan->at += peek(scan) == '-';
    bool zero = peek(scan) == '0';
    size_t digits = skip_digits(scan);
    if (digits == 0 || (zero && digits > 1)) {
        return refuse(scan, ERR_INVALID, peek(scan) < 0 ? "ends too early" : "has something that is no value");
    }
    if (peek(scan) == '.') {
        scan->at++;
        if (skip_digits(scan) == 0) {
            return refuse(scan, ERR_INVALID, "has a number without digits behind its point");
        }
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        scan->at++;
        scan->at += peek(scan) == '+' || peek(scan) == '-';
        if (skip_digits(scan) == 0) {
            return refuse(scan, ERR_INVALID, "has a number without an exponent");
        }
    }
    char number[LIMIT_JSON_NUMBER + 1] = {0};
    size_t length = scan->at - start;
    if (length > LIMIT_JSON_NUMBER) {
        return refuse(scan, ERR_TOO_BIG, "has too long a number");
    }
    memcpy(number, scan->text + start, length);
    return isfinite(strtod(number, NULL)) ? 0 : refuse(scan, ERR_TOO_BIG, "has too large a number");
}

/* The four hex digits at `at`; -1 if they are not there. */
static int unit_at(const struct scan *scan, size_t at) {
    int unit = 0;
    for (size_t i = at; i < at + 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *digit = i < scan->size && scan->text[i] != 0 ? strchr(digits, scan->text[i]) : NULL;
        if (digit == NULL) {
            return -1;
        }
        unit = unit * 16 + (int)((digit - digits) % 16);
    }
    return unit;
}

/* Behind a backslash. */
static int scan_escape(struct scan *scan) {
    int c = peek(scan);
    if (c > 0 && strchr("\"\\/bfnrt", c) != NULL) {
        scan->at++;
        return 0;
    }
    int unit = c == 'u' ? unit_at(scan, scan->at + 1) : -1;
    if (unit < 0) {
        return refuse(scan, ERR_INVALID, "has a string with an unknown escape");
    }
    if (unit == 0) {
        return refuse(scan, ERR_INVALID, "has a string with a NUL character");
    }
    bool high = unit >= 0xD800 && unit <= 0xDBFF;
    bool low = unit >= 0xDC00 && unit <= 0xDFFF;
    if (high) {
        bool escape = scan->size - scan->at >= 7 && memcmp(scan->text + scan->at + 5, "\\u", 2) == 0;
        int second = escape ? unit_at(scan, scan->at + 7) : -1;
        low = second < 0xDC00 || second > 0xDFFF;
    }
    if (low) {
        return refuse(scan, ERR_INVALID, "has a string with half a character");
    }
    scan->at += high ? 11 : 5;
    return 0;
}

/* At the opening quote. */
static int scan_string(struct scan *scan) {
    size_t start = ++scan->at;
    int c;
    while ((c = peek(scan)) != '"') {
        if (c < 0) {
            return refuse(scan, ERR_INVALID, "ends inside a string");
        }
        if (c < 0x20) {
            return refuse(scan, ERR_INVALID, "has a string with a control character");
        }
        scan->at++;
        int result = c == '\\' ? scan_escape(scan) : 0;
        if (result != 0) {
            return result;
        }
        if (scan->at - start > LIMIT_JSON_STRING) {
            return refuse(scan, ERR_TOO_BIG, "has too long a string");
        }
    }
    bool good = str_is_utf8(scan->text + start, scan->at - start);
    scan->at++;
    return good ? 0 : refuse(scan, ERR_INVALID, "has a string that is not UTF-8");
}

/* A name and its colon. */
static int scan_name(struct scan *scan) {
    skip_blanks(scan);
    if (peek(scan) != '"') {
        return refuse(scan, ERR_INVALID, "has an object with something else than a name");
    }
    int result = count_token(scan);
    if (result == 0) {
        result = scan_string(scan);
    }
    if (result != 0) {
        return result;
    }
    skip_blanks(scan);
    if (peek(scan) != ':') {
        return refuse(scan, ERR_INVALID, "has a name without a colon");
    }
    scan->at++;
    return 0;
}

static int scan_scalar(struct scan *scan) {
    static const char *const words[] = {"true", "false", "null"};
    if (peek(scan) == '"') {
        return scan_string(scan);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if (scan->size - scan->at >= length && memcmp(scan->text + scan->at, words[i], length) == 0) {
            scan->at += length;
            return 0;
        }
    }
    return scan_number(scan);
}

/* Up to the end of a scalar or of an empty collection, or into a collection up to its first value's start.
 * *ret_complete says which. */
static int scan_value(struct scan *scan, bool *ret_complete) {
    skip_blanks(scan);
    int result = count_token(scan);
    int c = peek(scan);
    *ret_complete = true;
    if (result != 0 || (c != '{' && c != '[')) {
        return result != 0 ? result : scan_scalar(scan);
    }
    if (scan->depth == LIMIT_JSON_DEPTH) {
        return refuse(scan, ERR_TOO_BIG, "is nested too deep");
    }
    scan->at++;
    skip_blanks(scan);
    if (peek(scan) == (c == '{' ? '}' : ']')) {
        scan->at++;
        return 0;
    }
    scan->object[scan->depth++] = c == '{';
    *ret_complete = false;
    return c == '{' ? scan_name(scan) : 0;
}

/* Behind a value: closes the collections that end here, and goes on to the next value if there is one. */
static int scan_behind(struct scan *scan, bool *ret_more) {
    *ret_more = false;
    while (scan->depth > 0) {
        bool object = scan->object[scan->depth - 1];
        skip_blanks(scan);
        int c = peek(scan);
        if (c == ',') {
            scan->at++;
            *ret_more = true;
            return object ? scan_name(scan) : 0;
        }
        if (c != (object ? '}' : ']')) {
            return refuse(scan, ERR_INVALID, c < 0 ? "ends too early" : "has a value without a comma behind it");
        }
        scan->at++;
        scan->depth--;
    }
    skip_blanks(scan);
    return peek(scan) < 0 ? 0 : refuse(scan, ERR_INVALID, "has something behind its end");
}

int json_scan(const char *text, size_t size, size_t token_limit, size_t *ret_tokens, struct err *err) {
    struct scan scan = {.text = text, .size = size, .token_limit = token_limit, .err = err};
    bool more = true;
    while (more) {
        bool complete;
        int result = scan_value(&scan, &complete);
        if (result == 0 && complete) {
            result = scan_behind(&scan, &more);
        }
        if (result != 0) {
            return result;
        }
    }
    *ret_tokens = scan.tokens;
    return 0;
}
