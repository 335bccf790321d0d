#ifndef GP_CHAT_SLACK_PEOPLE_H
#define GP_CHAT_SLACK_PEOPLE_H

/*
 * Who a Slack user is. The id that the transport gives is looked up among the people of the configuration; that the user
 * is no guest, stranger or former member, and which user groups they are in, Slack is asked.
 *
 * Its answer is fresh for LIMIT_SLACK_PEOPLE_MS, that about a group for LIMIT_SLACK_GROUP_MS, and until Slack says that it
 * has changed: to one of several servers only, which tells the others.
 * While Slack does not answer, its last answer counts, that about a group for LIMIT_SLACK_BELIEVED_MS at most. If there
 * is none, a user is whom the configuration names, and who is in a group is not known: the verdict names the teams.
 *
 * One call asks for all who wait for the same. Nobody waits longer than a click can.
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
    int64_t user_ms, group_ms, believed_ms; /* 0 = the limits; for tests */
};

/* Who it is, borrowed; or a sentence that says why nobody: then the name is NULL. */
struct people_verdict {
    const char *name;
    struct plan_names teams; /* by user groups */
    const char *unsure;      /* teams, as a list in words, of whose groups it is not known; NULL = none */
    const char *refused;
};

typedef void people_done(const struct people_verdict *verdict, void *user);

struct people *people_create(const struct people_options *options);
/* After the calls. Who still waits is told nothing. NULL does nothing. */
void people_destroy(struct people *people);

/* foreign: the transport says that the user is of another workspace. Never calls back before it has returned. */
void people_find(struct people *people, const char *slack_user, bool foreign, people_done *done, void *user);

/* This user or group has changed; NULL = any may have. False if nobody here asks for it: a workspace tells of each of its members. */
bool people_changed(struct people *people, const char *id);

/* Asks for those groups of the configuration that are not known yet, so that nobody has to wait for them. */
void people_prepare(struct people *people);

/* What Slack does not let us ask, for people; NULL = nothing. */
const char *people_trouble(const struct people *people);

#endif
