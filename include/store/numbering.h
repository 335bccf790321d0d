#ifndef GP_STORE_NUMBERING_H
#define GP_STORE_NUMBERING_H

/* The number of the next question: read once by a new leader, and written in each of its commits that asks. */

#include "store/store.h"

typedef void numbering_done(uint64_t next_question, const struct err *err, void *user);
void store_load_numbering(struct store *store, numbering_done *done, void *user);
void commit_put_numbering(struct commit *commit, uint64_t next_question);

#endif
