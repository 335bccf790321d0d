#ifndef GP_CHAT_SLACK_BLOCKS_H
#define GP_CHAT_SLACK_BLOCKS_H

/*
 * What people see in Slack: a card as Block Kit. Each function writes the members "text" and "blocks" into an object
 * that is open, for chat.postMessage, chat.update and chat.postEphemeral alike. Any input gives a message that Slack's
 * limits allow. "text" is what notifications and screen readers say: full sentences with the commands to type.
 *
 * Buttons: "gp.<verb>" acts at once, after Slack's own confirm dialog if the card wants one. "gp.<verb>.note" opens the
 * window for a note first, and "gp.choose" the one with all answers and, if there are several, the machines (modal.h). "gp.resume" and
 * "gp.rerun-unknown" go on with a deployment that is over.
 * The value is "Q<card>:<revision>", or "D<deployment>" of the latter, and nothing else: whoever clicks has the rights of the user that Slack names.
 * "gp.open" is a link: a click on it is acknowledged and means nothing.
 */

#include "base/json.h"
#include "chat/chat.h"
#include "core/view.h"

/* Who is who in Slack. A function may be NULL; one that knows no id returns NULL, and the name is written instead. */
struct slack_names {
    const char *(*person)(const char *person, void *user);      /* U012ABC */
    const char *(*group)(const char *team, void *user);         /* of a team: S012ABC */
    struct plan_names (*members)(const char *team, void *user); /* of a team that has no group in Slack; or none */
    void *user;
};

/* url: where the web page is, without a slash at its end; NULL leaves its links out. */
void blocks_card(const struct card *card, const struct slack_names *names, const char *url, struct json_out *out);

/* Without blocks: what is sent when Slack has refused them. */
void blocks_text(const struct card *card, struct json_out *out);

/* The answer to a command, for its asker alone. `command` says what it answers: output is shown as output. */
void blocks_reply(const struct operation_reply *reply, enum command_id command, struct json_out *out);

#endif
