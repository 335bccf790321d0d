#ifndef GP_STORE_RECORDS_KEY_H
#define GP_STORE_RECORDS_KEY_H

/* Keys of records (without prefix), and what only the creation of a deployment writes. */

#include <stdint.h>

#include "core/deployment.h"
#include "store/store.h"

enum { RECORDS_KEY_SIZE = 64 };

/* "<kind>:<id><rest>" */
const char *records_key(char out[RECORDS_KEY_SIZE], const char *kind, uint64_t id, const char *rest);
const char *records_lane(char out[STORE_KEY_SIZE], const char *project, const char *environment);

/* The whole header, its place in the lane and in the lists. */
void commit_put_new_deployment(struct commit *commit, const struct deployment *d);

#endif
