#ifndef GP_CHAT_SLACK_PEOPLE_H
#define GP_CHAT_SLACK_PEOPLE_H

/*
 * Who a Slack user is. The id that the transport gives is looked up among the people of the configuration; that the user
 * is no guest, stranger or former member, and which user groups they are in, Slack is asked, and its answers are kept for
 * LIMIT_SLACK_PEOPLE_MS or until Slack says that they changed. While Slack cannot be asked, its last answer counts; if
 * there was none, the configuration alone, which names the id.
 */

#include "base/arena.h"
#include "chat/chat.h"
#include "config/config.h"

#include "calls.h"

struct people;

struct people_options {
    struct loop *loop;
    struct calls *calls;
    struct config *(*config)(void *user);
    void *user;
};

/* Who it is, borrowed; or a sentence that says why nobody: then the name is NULL. */
struct people_verdict {
    const char *name;
    struct plan_names teams; /* by user groups */
    const char *refused;
};

typedef void people_done(const struct people_verdict *verdict, void *user);

struct people *people_create(const struct people_options *options);
/* After the calls: whoever is waited for has been told. NULL does nothing. */
void people_destroy(struct people *people);

/* foreign: the transport says that the user is of another workspace. Never calls back before it has returned. */
void people_find(struct people *people, const char *slack_user, bool foreign, people_done *done, void *user);

/* Slack says that this user or group has changed. Either may be NULL. */
void people_changed(struct people *people, const char *slack_user, const char *group);

#endif
