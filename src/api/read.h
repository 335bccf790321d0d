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

/* A page of a list, of what the actor may view and `fits` (NULL = all): its heads are in call->page, and their deployments
 * have been read. wish->fits is not looked at. */
void read_page(struct call *call, const struct page_wish *wish,
               bool (*fits)(const struct head *head, struct call *call), call_next *next);
/* For each queued deployment that was read, the one that holds its lane, so that read_waits_for knows it. */
void read_holders(struct call *call, call_next *next);

/* The deployment with this number among what was read, or NULL. */
const struct deployment_record *read_find(const struct call *call, uint64_t id);

/* Keeps a record, whose owner the call then is; false if the actor may not view it: then it is freed. */
bool read_keep(struct call *call, struct deployment_record *record);

/* Takes out all that was read, so that it can be read anew. */
void read_forget(struct call *call);

/* The question with this number in what was read, or NULL; its deployment. */
const struct question_record *read_find_question(const struct call *call, uint64_t question,
                                                 const struct deployment **ret_deployment);

/* Why a queued deployment waits, after read_holders; or NULL. */
const char *read_waits_for(const struct call *call, const struct deployment *d);

#endif
