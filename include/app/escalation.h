#ifndef GP_APP_ESCALATION_H
#define GP_APP_ESCALATION_H

/*
 * Calls the commands and webhooks of escalation rungs. The rung itself is climbed by the leader's commit; that something is
 * to be called then lies in the store, and whoever leads calls it, again and again until it works or the question is over;
 * if it fails for some time, people are told. Each try is recorded before it begins. If the process dies in the midst of
 * one, the next leader tries again under the same id: a call may arrive twice, but it is recorded once.
 */

#include "base/buf.h"
#include "config/config.h"
#include "net/loop.h"
#include "store/store.h"

struct escalation;

struct escalation_options {
    struct loop *loop;
    struct store *store;
    struct config *(*config)(void *user);             /* the one in force; borrowed until the next turn */
    bool (*leads_surely)(void *user);                 /* no other process can call anything now */
    void (*fence)(struct commit *commit, void *user); /* has it refused if another process leads by then */
    void *user;
};

struct escalation *escalation_create(const struct escalation_options *options);
void escalation_lead(struct escalation *escalation, bool leads);
void escalation_due(struct escalation *escalation); /* a rung was climbed that has something to call */
/* A line that says whether calls fail, for whoever watches over the leader. Anybody may read it: it does not say why. */
void escalation_write_health(const struct escalation *escalation, struct buf *out);
/* After the store was destroyed. What is under way is killed, or left to arrive or not. */
void escalation_destroy(struct escalation *escalation);

#endif
