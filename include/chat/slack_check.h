#ifndef GP_CHAT_SLACK_CHECK_H
#define GP_CHAT_SLACK_CHECK_H

/*
 * Asks Slack whether what the configuration says of it is true: the tokens, the scopes, each room, person and user
 * group. Only methods that change nothing are called, one after the other at Slack's pace. The first question that
 * Slack does not answer within LIMIT_SLACK_OPEN_MS ends the check.
 */

#include "config/config.h"
#include "net/loop.h"

enum slack_check_result { SLACK_CHECK_OK, SLACK_CHECK_WRONG, SLACK_CHECK_SKIPPED };

/* Borrowed until the callback returns. */
struct slack_check_finding {
    enum slack_check_result result;
    const char *about; /* "bot token", "room deploys" */
    const char *text;  /* how it is, and if it is wrong what to do; a part of it may come from Slack */
};

struct slack_check_options {
    struct loop *loop;
    const struct config *config;       /* borrowed, as long as the check lives */
    const char *app_token, *bot_token; /* borrowed; NULL = cannot be read: what needs it is skipped */
    void (*found)(const struct slack_check_finding *finding, void *user);
    void (*done)(void *user); /* everything was said; must not destroy the check */
    void *user;
};

struct slack_check;

struct slack_check *slack_check_create(const struct slack_check_options *options); /* calls back later only */
void slack_check_destroy(struct slack_check *check);                               /* NULL does nothing */

#endif
