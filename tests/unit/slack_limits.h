#ifndef GP_TESTS_SLACK_LIMITS_H
#define GP_TESTS_SLACK_LIMITS_H

/*
 * Block Kit against the limits that Slack publishes (docs.slack.dev, Block Kit reference), counted in UTF-16 units, which
 * is never fewer than Slack counts. Also what we ask for beyond that: in mrkdwn a < begins a mention of one person or
 * group or a link, and nothing else, and every & is an escape.
 */

/* The JSON object of a message or of a view: NULL if it keeps all limits, else what it breaks, until the next call. */
const char *slack_limits_message(const char *json);
const char *slack_limits_view(const char *json);

#endif
