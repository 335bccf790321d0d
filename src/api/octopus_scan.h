#ifndef GP_API_OCTOPUS_SCAN_H
#define GP_API_OCTOPUS_SCAN_H

/*
 * Reads a page of deployments, the newest first, of those that fit some conditions. Conditions that only what is not
 * over can meet are looked for there.
 */

#include "octopus_shape.h"
#include "read.h"

/* Lists as the query has them, "a,b"; NULL or "" = all. */
struct octopus_scan {
    const char *ids, *projects, *environments, *states;
    bool active;  /* only what is not over */
    bool pending; /* only what has open questions */
    struct octopus_page page;
    uint64_t total; /* afterwards: how many fit */
    call_next *done;
};

/* The scan becomes call->state, and call->records the page. */
void octopus_scan(struct call *call, const struct octopus_scan *scan, call_next *done);

#endif
