#include "claim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "words.h"

void claim_format(char out[CLAIM_SIZE], char letter, uint32_t attempt, uint32_t epoch, const char *worker) {
    bool owned = !str_empty(worker);
    int size = snprintf(out, CLAIM_SIZE, "%c:%" PRIu32 ":%" PRIu32 "%s%s", letter, attempt, epoch, owned ? ":" : "",
                        owned ? worker : "");
    assert(size > 0 && size < CLAIM_SIZE);
}

bool claim_parse(const char *text, struct claim *ret_claim) {
    char letter = text != NULL ? text[0] : '\0';
    if ((letter != CLAIM_QUEUED && letter != CLAIM_RUNNING && letter != CLAIM_ADOPTABLE && letter != CLAIM_ENDED) ||
        text[1] != ':') {
        return false;
    }
    const char *rest = text + 2;
    uint64_t attempt = 0;
    uint64_t epoch = 0;
    if (!words_number(&rest, ':', &attempt) || !words_number(&rest, ':', &epoch) || attempt > UINT32_MAX ||
        epoch > UINT32_MAX || (letter == CLAIM_RUNNING) == (rest[0] == '\0')) {
        return false;
    }
    *ret_claim =
        (struct claim){.letter = letter, .attempt = (uint32_t)attempt, .epoch = (uint32_t)epoch, .worker = rest};
    return true;
}

void run_field_format(char out[RUN_FIELD_SIZE], size_t step, size_t slot) {
    (void)snprintf(out, RUN_FIELD_SIZE, "%zu.%zu", step, slot);
}

bool run_field_parse(const char *text, size_t *ret_step, size_t *ret_slot) {
    uint64_t step = 0;
    uint64_t slot = 0;
    if (text == NULL || !words_number(&text, '.', &step) || !words_number(&text, '\0', &slot)) {
        return false;
    }
    *ret_step = (size_t)step;
    *ret_slot = (size_t)slot;
    return true;
}

void owned_format(char out[OWNED_SIZE], uint64_t deployment, size_t step, size_t slot) {
    (void)snprintf(out, OWNED_SIZE, "%" PRIu64 ":%zu.%zu", deployment, step, slot);
}

bool owned_parse(const char *text, uint64_t *ret_deployment, size_t *ret_step, size_t *ret_slot) {
    uint64_t deployment = 0;
    if (text == NULL || !words_number(&text, ':', &deployment) || !run_field_parse(text, ret_step, ret_slot)) {
        return false;
    }
    *ret_deployment = deployment;
    return true;
}

static const char *const closing_words[] = {
    [CLOSING_NO] = "",
    [CLOSING_FAILING] = "failing",
    [CLOSING_CANCELING] = "canceling",
};

const char *closing_word(enum closing closing) {
    return closing_words[closing];
}

enum closing closing_parse(const char *word) {
    for (enum closing closing = CLOSING_FAILING; closing <= CLOSING_CANCELING; closing++) {
        if (str_equal(word, closing_words[closing])) {
            return closing;
        }
    }
    return CLOSING_NO;
}
