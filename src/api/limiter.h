#ifndef GP_API_LIMITER_H
#define GP_API_LIMITER_H

/* How often an address may fail to sign in: LIMIT_SIGN_IN_PER_MINUTE. Remembers a fixed number of addresses. Pure. */

#include <stdbool.h>
#include <stdint.h>

struct limiter;

struct limiter *limiter_create(void);
void limiter_destroy(struct limiter *limiter);
bool limiter_allows(const struct limiter *limiter, const char *address, int64_t now_ms);
void limiter_failed(struct limiter *limiter, const char *address, int64_t now_ms);

#endif
