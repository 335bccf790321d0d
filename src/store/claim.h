#ifndef GP_STORE_CLAIM_H
#define GP_STORE_CLAIM_H

/*
 * Values that are compared as a whole in preconditions, so that there is exactly one way to write them.
 *
 * A field of dep:<id>:claims says who owns the newest attempt of a run:
 *
 *     q:<attempt>:<epoch>            issued, nobody's yet
 *     r:<attempt>:<epoch>:<worker>   owned: it may have been started
 *     a:<attempt>:<epoch>            to be adopted
 *     e:<attempt>:<epoch>            its end is recorded
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/deployment.h"

enum { CLAIM_SIZE = 256, RUN_FIELD_SIZE = 48, OWNED_SIZE = 72 };

#define CLAIM_QUEUED 'q'
#define CLAIM_RUNNING 'r'
#define CLAIM_ADOPTABLE 'a'
#define CLAIM_ENDED 'e'

struct claim {
    char letter;
    uint32_t attempt, epoch;
    const char *worker; /* of r, borrowed from the text; else "" */
};

/* worker NULL or "" = none. */
void claim_format(char out[CLAIM_SIZE], char letter, uint32_t attempt, uint32_t epoch, const char *worker);
bool claim_parse(const char *text, struct claim *ret_claim);

/* "<step>.<slot>": the field of a run in dep:<id>:runs and dep:<id>:claims. */
void run_field_format(char out[RUN_FIELD_SIZE], size_t step, size_t slot);
bool run_field_parse(const char *text, size_t *ret_step, size_t *ret_slot);

/* "<deployment>:<step>.<slot>": a member of owned:<worker>. */
void owned_format(char out[OWNED_SIZE], uint64_t deployment, size_t step, size_t slot);
bool owned_parse(const char *text, uint64_t *ret_deployment, size_t *ret_step, size_t *ret_slot);
/* dep:<id>.closing and .phase: "", "failing", "canceling". An unknown word is CLOSING_NO. */
const char *closing_word(enum closing closing);
enum closing closing_parse(const char *word);

#endif
