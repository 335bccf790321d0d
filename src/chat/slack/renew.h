#ifndef GP_CHAT_SLACK_RENEW_H
#define GP_CHAT_SLACK_RENEW_H

/*
 * New tokens and authorities for an adapter that runs. They are tried beside the old ones, by calls of their own; only
 * when they have opened a connection are they taken, and the old connection is read until the new one says hello.
 */

#include "adapter.h"

struct renewal;

/* Tries them, unless they are what is used already; what was tried before is given up. */
void renewal_begin(struct slack *slack, const struct slack_keys *keys);
void renewal_destroy(struct renewal *renewal); /* NULL does nothing */

/* By which the adapter knows them again. */
void renewal_digest(const struct slack_keys *keys, char *out, char *ret_authorities);

#endif
