#include "base/str.h"

#include <inttypes.h>
#include <string.h>

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_equal(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool str_equal_nocase(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && str_starts_nocase(a, b) && strlen(a) == strlen(b));
}

bool str_starts(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_starts_nocase(const char *text, const char *prefix) {
    while (*prefix != 0) {
        if (lower(*text++) != lower(*prefix++)) {
            return false;
        }
    }
    return true;
}

bool str_empty(const char *text) {
    return text == NULL || text[0] == 0;
}

bool str_equal_secret(const char *secret, const char *given) {
    if (secret == NULL || given == NULL) {
        return false;
    }
    unsigned char difference = 0;
    const char *s = secret;
    for (const char *g = given; *g != 0; g++) {
        difference |= (unsigned char)(*g ^ *s);
        s += *s != 0; /* stays on the NUL, which differs from every byte of `given` */
    }
    return (difference | (unsigned char)*s) == 0;
}

/* The text is the other side's, so it is made safe to show and kept short. */
static int refuse(struct err *err, const char *text, const char *why) {
    struct buf shown = BUF_INIT(4096);
    size_t size = strlen(text);
    size_t cut = str_utf8_cut(text, size, 60);
    str_show(&shown, text, cut);
    int result = err_set(err, ERR_INVALID, "'%s%s' %s.", shown.data, cut < size ? "..." : "", why);
    buf_finish(&shown);
    return result;
}

/* Reads the digits at *text and moves it behind them. False if there are none or they are more than max. */
static bool read_digits(const char **text, uint64_t max, uint64_t *ret_value) {
    const char *start = *text;
    uint64_t value = 0;
    while (**text >= '0' && **text <= '9') {
        uint64_t digit = (uint64_t)(**text - '0');
        if (value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
        (*text)++;
    }
    *ret_value = value;
    return *text != start;
}

static int to_number(const char *text, uint64_t max, uint64_t *ret_value, struct err *err) {
    const char *end = text;
    uint64_t value;
    if (!read_digits(&end, max, &value)) {
        bool too_large = *end >= '0' && *end <= '9';
        return refuse(err, text, too_large ? "is too large a number" : "is not a whole number");
    }
    if (*end != 0) {
        return refuse(err, text, "is not a whole number");
    }
    *ret_value = value;
    return 0;
}

int str_to_u64(const char *text, uint64_t *ret_value, struct err *err) {
    return to_number(text, UINT64_MAX, ret_value, err);
}

int str_to_i64(const char *text, int64_t *ret_value, struct err *err) {
    uint64_t value;
    int result = to_number(text, INT64_MAX, &value, err);
    if (result == 0) {
        *ret_value = (int64_t)value;
    }
    return result;
}

/* From large to small. "ms" is tried before "m". */
static const struct unit {
    const char *text;
    const char *shown;
    int64_t ms;
} units[] = {
    {"d", "d", 86400000}, {"h", "h", 3600000}, {"ms", "ms", 1}, {"m", "min", 60000}, {"s", "s", 1000},
};
enum { UNITS = sizeof units / sizeof units[0] };

int str_to_duration_ms(const char *text, int64_t *ret_ms, struct err *err) {
    int64_t total = 0;
    int64_t last = INT64_MAX;
    const char *rest = text;
    while (*rest != 0) {
        uint64_t number;
        if (!read_digits(&rest, INT64_MAX, &number)) {
            return refuse(err, text, "is not a duration: write it like 90s, 15m or 1h30m");
        }
        size_t i = 0;
        while (i < UNITS && !str_starts(rest, units[i].text)) {
            i++;
        }
        if (i == UNITS) {
            return refuse(err, text,
                          *rest == 0 ? "has no unit: write it like 90s, 15m or 1h30m"
                                     : "has an unknown unit: use ms, s, m, h or d");
        }
        if (units[i].ms >= last) {
            return refuse(err, text, "is not a duration: the units go from large to small");
        }
        last = units[i].ms;
        rest += strlen(units[i].text);
        int64_t part;
        if (__builtin_mul_overflow((int64_t)number, units[i].ms, &part) ||
            __builtin_add_overflow(total, part, &total)) {
            return refuse(err, text, "is too long a time");
        }
    }
    if (total == 0) {
        return refuse(err, text,
                      *text == 0 ? "is not a duration: write it like 90s, 15m or 1h30m"
                                 : "is no time at all: a duration is at least 1ms");
    }
    *ret_ms = total;
    return 0;
}

void str_duration(struct buf *out, int64_t ms) {
    if (ms > 0 && ms < 1000) {
        buf_printf(out, "%" PRId64 " ms", ms);
        return;
    }
    int64_t seconds = ms > 0 ? ms / 1000 : 0;
    int64_t days = seconds / 86400;
    int64_t hours = seconds / 3600 % 24;
    int64_t minutes = seconds / 60 % 60;
    const struct {
        int64_t value;
        const char *unit;
    } parts[] = {{days, "d"}, {hours, "h"}, {minutes, "min"}, {seconds % 60, "s"}};

    size_t first = 0;
    while (first < 3 && parts[first].value == 0) {
        first++;
    }
    buf_printf(out, "%" PRId64 " %s", parts[first].value, parts[first].unit);
    if (first < 3 && parts[first + 1].value > 0) {
        buf_printf(out, " %" PRId64 " %s", parts[first + 1].value, parts[first + 1].unit);
    }
}

bool str_is_name(const char *text) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";
    size_t length = strspn(text, letters);
    bool begins_well = length > 0 && strchr("._+-", text[0]) == NULL;
    return begins_well && text[length] == 0 && length <= 128;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Optimal string alignment: Levenshtein's distance in which two letters that changed places are one edit. Row i of
 * the table is about the first i letters of a; three rows are kept. Words of more than MAX bytes are not meant to be
 * each other. */
size_t str_distance(const char *a, const char *b) {
    enum { MAX = 128 };
    size_t rows[3][MAX + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length > MAX || b_length > MAX) {
        return a_length > b_length ? a_length : b_length;
    }
    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            char from = lower(a[i - 1]);
            char to = lower(b[j - 1]);
            row[j] = smaller(above[j - 1] + (from != to), smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && from == lower(b[j - 2]) && to == lower(a[i - 2])) {
                row[j] = smaller(row[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[a_length % 3][b_length];
}

/* A third of the word may be wrong. Failing that, the word may be the beginning of what was meant. */
const char *str_nearest(const char *word, const char *const *candidates, size_t count) {
    size_t length = strlen(word);
    size_t best_distance = smaller(length / 3, 3) + 1;
    const char *best = NULL;
    if (length < 2) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t distance = str_distance(word, candidates[i]);
        if (distance < best_distance && distance < strlen(candidates[i])) {
            best_distance = distance;
            best = candidates[i];
        }
    }
    for (size_t i = 0; i < count && best == NULL; i++) {
        if (str_starts_nocase(candidates[i], word)) {
            best = candidates[i];
        }
    }
    return best;
}

void str_hex(struct buf *out, const void *data, size_t size) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        buf_addc(out, "0123456789abcdef"[bytes[i] >> 4]);
        buf_addc(out, "0123456789abcdef"[bytes[i] & 15]);
    }
}
