#include "words.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

bool words_number(const char **text, char end, uint64_t *ret_number) {
    const char *at = *text;
    uint64_t number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number)) {
            return false;
        }
    }
    if (at == *text || (*at != end && *at != '\0')) {
        return false;
    }
    *text = *at == '\0' ? at : at + 1;
    *ret_number = number;
    return true;
}

bool words_signed(const char *text, int64_t *ret_number) {
    bool negative = text[0] == '-';
    uint64_t size = 0;
    text += negative;
    if (!words_number(&text, '\0', &size) || size > INT64_MAX) {
        return false;
    }
    *ret_number = negative ? -(int64_t)size : (int64_t)size;
    return true;
}

static const char *const outcome_names[] = {
#define X(name, word) [OUTCOME_##name] = word,
    OUTCOMES(X)
#undef X
};

void words_outcome_format(char out[OUTCOME_SIZE], struct outcome outcome, char separator) {
    (void)snprintf(out, OUTCOME_SIZE, "%s%c%" PRId64, outcome_names[outcome.kind], separator, outcome.number);
}

struct outcome words_outcome(const char *text, char separator) {
    const char *end = strchr(text, separator);
    size_t length = end != NULL ? (size_t)(end - text) : 0;
    for (size_t i = 0; i < sizeof outcome_names / sizeof outcome_names[0]; i++) {
        int64_t number = 0;
        if (strlen(outcome_names[i]) == length && memcmp(outcome_names[i], text, length) == 0 &&
            words_signed(end + 1, &number)) {
            return (struct outcome){.kind = (enum outcome_kind)i, .number = number};
        }
    }
    return (struct outcome){.kind = OUTCOME_NONE};
}

const char *words_field(const struct redis_reply *reply, const char *field) {
    const char *text = redis_text(redis_field(reply, field), NULL);
    return text != NULL ? text : "";
}

uint64_t words_field_u64(const struct redis_reply *reply, const char *field) {
    uint64_t number = 0;
    return str_to_u64(words_field(reply, field), &number, NULL) == 0 ? number : 0;
}

int64_t words_field_i64(const struct redis_reply *reply, const char *field) {
    int64_t number = 0;
    return str_to_i64(words_field(reply, field), &number, NULL) == 0 ? number : 0;
}

const char *words_u64(char out[NUMBER_SIZE], uint64_t number) {
    (void)snprintf(out, NUMBER_SIZE, "%" PRIu64, number);
    return out;
}

const char *words_i64(char out[NUMBER_SIZE], int64_t number) {
    (void)snprintf(out, NUMBER_SIZE, "%" PRId64, number);
    return out;
}

void field_list_set(struct field_list *list, const char *name, const char *value) {
    assert(list->count + 2 <= sizeof list->words / sizeof list->words[0]);
    list->words[list->count++] = name;
    list->words[list->count++] = value != NULL ? value : "";
}

void field_list_text(struct field_list *list, const char *name, const char *value) {
    if (!str_empty(value)) {
        field_list_set(list, name, value);
    }
}

void field_list_number(struct field_list *list, const char *name, uint64_t number) {
    if (number != 0) {
        assert(list->number_count < FIELD_LIST_MAX);
        field_list_set(list, name, words_u64(list->numbers[list->number_count++], number));
    }
}
