#ifndef GP_API_V1_H
#define GP_API_V1_H

/* The handlers of /v1. What each takes and gives stands in docs/API.md. */

#include "call.h"
#include "store/freezes.h"

/* v1_parts.c: what several answers are made of. Lists hold what the actor may view. */
void v1_replied(struct call *call, const struct operation_reply *reply); /* answers with what an operation has said */
void v1_write_versions(struct call *call, const char *key, const struct version_row *rows, size_t count);
void v1_write_freezes(struct call *call, const char *key, const struct freeze *freezes, size_t count);

/* v1_session.c */
void v1_sign_in(struct call *call);
void v1_sign_out(struct call *call);
void v1_me(struct call *call);

/* v1_overview.c */
void v1_overview(struct call *call);

/* v1_deployments.c */
void v1_deployments(struct call *call);
void v1_deployment(struct call *call);
void v1_log(struct call *call);
void v1_audit(struct call *call);
void v1_write_audit(struct call *call, const struct audit_entry *entries, size_t count); /* and answers */

/* v1_questions.c */
void v1_questions(struct call *call);
void v1_question(struct call *call);
void v1_answer(struct call *call);
void v1_take(struct call *call);
void v1_check(struct call *call);
void v1_extend(struct call *call);
void v1_park(struct call *call);
void v1_unpark(struct call *call);
void v1_when_back(struct call *call);

/* v1_after.c */
void v1_resume(struct call *call);
void v1_again(struct call *call);
void v1_catch_up(struct call *call);
void v1_rollback(struct call *call);
void v1_promote(struct call *call);
void v1_versions(struct call *call);
void v1_freezes(struct call *call);
void v1_freeze(struct call *call);
void v1_unfreeze(struct call *call);
void v1_environment_audit(struct call *call);

/* v1_store.c */
void v1_confirm_rollback(struct call *call);

/* v1_rooms.c */
void v1_command(struct call *call);
void v1_room(struct call *call);

#endif
