#ifndef GP_TESTS_API_CLIENT_H
#define GP_TESTS_API_CLIENT_H

/*
 * A client of the rig's API, in the same process: the loop turns while it waits. Every answer is checked for the
 * headers that all answers have.
 *
 *     struct api_answer answer = api_get("/v1/me", ALICE);
 *     assert_string_equal(api_text(&answer, "name"), "alice");
 *     api_answer_free(&answer);
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

struct api_answer {
    int status;
    const char *head, *body; /* in the rig's arena */
    struct json *json;       /* or NULL; freed by api_answer_free */
};

/* `more` are header lines. Host is ours unless it is among them. */
struct api_answer api_ask(const char *method, const char *target, const char *more, const char *body);
struct api_answer api_get(const char *target, const char *more);
void api_answer_free(struct api_answer *answer);

/* Asks, and fails the test if the answer has another status. */
void api_expect(const char *method, const char *target, const char *more, const char *body, int status);

/* What stands in the answer at a path like "Links.Self". */
const char *api_text(const struct api_answer *answer, const char *path);
int64_t api_number(const struct api_answer *answer, const char *path); /* -1: none */
bool api_flag(const struct api_answer *answer, const char *path);

/* A connection that a test holds open. */
struct api_client {
    int fd;
    struct buf got;
    bool over;
    const char *wanted; /* the text that is waited for; NULL = the end */
};

void api_client_open(struct api_client *client, const char *text, size_t size);
void api_client_close(struct api_client *client);
bool api_client_has(void *client); /* for rig_until */

#endif
