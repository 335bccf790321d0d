#ifndef GP_NET_REDIS_INTERNAL_H
#define GP_NET_REDIS_INTERNAL_H

/* hiredis (0.14 to 1.2), for the files of net/redis.h only. */

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "net/loop.h"

/* Lets the loop watch the context's socket for hiredis, until hiredis frees the context. Returns 0 or libuv's error. */
int redis_attach(struct loop *loop, redisAsyncContext *context);

#endif
