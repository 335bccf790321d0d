#ifndef GP_STORE_WORDS_H
#define GP_STORE_WORDS_H

/* Values in Redis that are made of several words: how they are taken apart again. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/deployment.h"
#include "net/redis.h"

/* Reads a decimal number that ends with `end` or with the text, and steps over both. */
bool words_number(const char **text, char end, uint64_t *ret_number);

/* A whole number that may be negative. */
bool words_signed(const char *text, int64_t *ret_number);

/* "exit 100" with that separator, and back; {NONE, 0} if it is no outcome. */
enum { OUTCOME_SIZE = 48 };
void words_outcome_format(char out[OUTCOME_SIZE], struct outcome outcome, char separator);
struct outcome words_outcome(const char *text, char separator);

/* A field of HGETALL or of a stream entry: its text, "" if it is absent; its number, 0 if it is none. */
const char *words_field(const struct redis_reply *reply, const char *field);
uint64_t words_field_u64(const struct redis_reply *reply, const char *field);
int64_t words_field_i64(const struct redis_reply *reply, const char *field);

/* Decimal text of a number, for arguments. */
enum { NUMBER_SIZE = 24 };
const char *words_u64(char out[NUMBER_SIZE], uint64_t number);
const char *words_i64(char out[NUMBER_SIZE], int64_t number);

/* Field, value, field, value of an HSET or XADD. Numbers are written into room of their own. */
enum { FIELD_LIST_MAX = 32 };
struct field_list {
    const char
        *words[1 + 2 * FIELD_LIST_MAX]; /* borrowed until it is used; the first may be set beforehand, as for XADD */
    size_t count;
    char numbers[FIELD_LIST_MAX][NUMBER_SIZE];
    size_t number_count;
};
void field_list_set(struct field_list *list, const char *name, const char *value);  /* "" if NULL */
void field_list_text(struct field_list *list, const char *name, const char *value); /* left out if NULL or "" */
void field_list_number(struct field_list *list, const char *name, uint64_t number); /* left out if 0 */

#endif
