#ifndef GP_APP_ESCALATION_FACTS_H
#define GP_APP_ESCALATION_FACTS_H

/* What a command or a webhook of a rung is told of the question: the same facts as variables and as a JSON document. */

#include "base/buf.h"
#include "store/calls.h"
#include "store/records.h"

struct escalation_facts {
    const char *id; /* of the call, the same for each try */
    const struct deployment *deployment;
    const struct plan_rung *rung;
    const struct card *card;
    const struct question_record *question; /* the first that is open */
    struct plan_names targets;              /* the machines of those that are open, as many as are told */
    size_t left_out;                        /* of too many */
    bool parked;                            /* all that are open */
    const char *url;                        /* of the page; or NULL */
    uint32_t number;                        /* of the rung, from 1 */
};

/* False if no question of the card is open any more. */
bool escalation_facts_read(const struct deployment_record *record, const struct call *call, const char *url,
                           struct arena *arena, struct escalation_facts *ret_facts);

/* "NAME=value" of each. */
const char *const *escalation_facts_env(const struct escalation_facts *facts, struct arena *arena, size_t *ret_count);
void escalation_facts_json(const struct escalation_facts *facts, struct buf *out);

/* Has the secrets of the deployment masked from now on, in the log and by log_mask_text. */
void escalation_facts_mask(const struct escalation_facts *facts);

#endif
