#ifndef GP_APP_ESCALATION_H
#define GP_APP_ESCALATION_H

/*
 * Calls the commands and webhooks of escalation rungs. The rung itself is climbed by the leader's commit; that something is to be
 * called then lies in the store, and whoever leads calls it. Each try is recorded before it begins. If the process dies in the
 * midst of one, the next leader tries again under the same id: a call may arrive twice, but it is recorded once.
 */

#include "net/loop.h"
#include "store/store.h"

struct escalation;

struct escalation_options {
    struct loop *loop;
    struct store *store;
    const char *(*url)(void *user);                   /* of the page; may give NULL */
    bool (*leads_surely)(void *user);                 /* no other process can call anything now */
    void (*fence)(struct commit *commit, void *user); /* has it refused if another process leads by then */
    void *user;
};

struct escalation *escalation_create(const struct escalation_options *options);
void escalation_lead(struct escalation *escalation, bool leads);
void escalation_due(struct escalation *escalation); /* a rung was climbed that has something to call */
/* After the store was destroyed. What is under way is killed, or left to arrive or not. */
void escalation_destroy(struct escalation *escalation);

#endif
