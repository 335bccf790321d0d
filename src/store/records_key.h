#ifndef GP_STORE_RECORDS_KEY_H
#define GP_STORE_RECORDS_KEY_H

/* Keys of records (without prefix), and what only the creation of a deployment writes. */

#include <stdint.h>

#include "core/deployment.h"
#include "store/records.h"
#include "store/store.h"

enum { RECORDS_KEY_SIZE = 64 };

/* "<kind>:<id><rest>" */
const char *records_key(char out[RECORDS_KEY_SIZE], const char *kind, uint64_t id, const char *rest);
const char *records_lane(char out[STORE_KEY_SIZE], const char *project, const char *environment);

/* The whole header, its place in the lane and in the lists, and the runs that are settled from the start. */
void commit_put_new_deployment(struct commit *commit, const struct deployment *d);

/* The lane as a whole has the version. */
void commit_lane_confirmed(struct commit *commit, const struct deployment *d);

/* Adds the entry to the list, chained to the head, which becomes that of the new entry. */
void records_chain(struct commit *commit, const char *list, char head[65], const struct audit_entry *entry);

#endif
