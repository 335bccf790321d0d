#ifndef GP_API_READ_H
#define GP_API_READ_H

/*
 * Steps of a call that read records. Each leads to `next`, or answers with what went wrong. Single records that the
 * actor may not view are refused; in lists they are left out. What was read is in call->records and is freed with the
 * call.
 */

#include "call.h"

typedef void call_next(struct call *call);

/* "311", "D311", "Deployments-311", "ServerTasks-311"; "42", "Q42", "Interruptions-42". False: refused. */
bool read_deployment_id(struct call *call, const char *text, uint64_t *ret_id);
bool read_question_id(struct call *call, const char *text, uint64_t *ret_id);

/* Afterwards read_record is it. */
void read_deployment(struct call *call, uint64_t id, call_next *next);
void read_question(struct call *call, uint64_t question, call_next *next);
const struct deployment_record *read_record(const struct call *call);

/* Adds to what was read before. */
void read_deployments(struct call *call, const uint64_t *ids, size_t count, call_next *next);
void read_live(struct call *call, call_next *next);
void read_live_oldest(struct call *call,
                      call_next *next); /* LIMIT_LIVE_SHOWN of them; call->left_out is how many more */

/* Keeps a record, whose owner the call then is; false if the actor may not view it: then it is freed. */
bool read_keep(struct call *call, struct deployment_record *record);

/* Takes out all that was read, so that it can be read anew. */
void read_forget(struct call *call);

/* The question with this number in what was read, or NULL; its deployment. */
const struct question_record *read_find_question(const struct call *call, uint64_t question,
                                                 const struct deployment **ret_deployment);

/* Why a queued deployment waits, from the live ones that were read; or NULL. */
const char *read_waits_for(const struct call *call, const struct deployment *d);

#endif
