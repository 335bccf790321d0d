#ifndef GP_STORE_WITNESS_H
#define GP_STORE_WITNESS_H

/*
 * Remembers on the local disk the highest count of commits that Redis ever told us, so that a Redis whose state has
 * gone back in time is noticed. Written without fsync: it is to outlive Redis' mistakes and our own death, not this
 * machine's.
 */

#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

struct witness;

/* path NULL = in memory only. */
int witness_create(struct loop *loop, const char *path, struct witness **ret_witness, struct err *err) MUST_USE;
void witness_destroy(struct witness *witness); /* writes what is not written yet; NULL does nothing */

void witness_saw(struct witness *witness, uint64_t seq);
uint64_t witness_highest(const struct witness *witness);

#endif
