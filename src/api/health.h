#ifndef GP_API_HEALTH_H
#define GP_API_HEALTH_H

/* For those who watch over the process. */

#include "call.h"

void health_live(struct call *call);    /* the process answers */
void health_ready(struct call *call);   /* it can do its work; ?verbose says more */
void health_metrics(struct call *call); /* Prometheus */

#endif
