#ifndef GP_CORE_VIEW_JSON_H
#define GP_CORE_VIEW_JSON_H

/* The shapes of docs/API.md (Card, Summary, Deployment, Question) as JSON, for the page, the command line and programs. */

#include "base/json.h"
#include "core/deployment.h"
#include "core/view.h"

void view_write_card(struct json_out *out, const char *key, const struct card *card);

/* waits_for: a sentence, or NULL. */
void view_write_summary(struct json_out *out, const char *key, const struct deployment *d, const char *waits_for,
                        int64_t now_ms, struct arena *arena);

/* With all steps, runs and cards; questions: all of the deployment, in the order they were asked. */
void view_write_deployment(struct json_out *out, const char *key, const struct deployment *d,
                           const struct question_record *questions, size_t count, const char *waits_for, int64_t now_ms,
                           struct arena *arena);

/* outlook: of the deployment. */
void view_write_question(struct json_out *out, const char *key, const struct deployment *d, struct outlook *outlook,
                         const struct question_record *question, struct arena *arena);

#endif
