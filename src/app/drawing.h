#ifndef GP_APP_DRAWING_H
#define GP_APP_DRAWING_H

/*
 * A deployment being drawn, and the reconciler whose it is. Private to reconciler.c (which deployment is drawn when) and
 * drawing.c (reading one, and bringing each of its cards into its room).
 */

#include <stddef.h>

#include "app/reconciler.h"
#include "spots.h"

enum { STALE_CHAINS = 1024 }; /* a new leader looks at thousands */

struct reconciler {
    struct reconciler_options options;
    struct timer *timer; /* goes through the list; started whenever something in it has changed */
    struct stale *stale; /* in the order in which they became so */
    struct stale **last; /* where the next goes */
    size_t stale_count;
    struct stale *by_number[STALE_CHAINS]; /* the same, to be found */
    struct room *rooms;
    size_t loading;
    bool leads;
};

/* A deployment whose views may be stale. It stays in the list while drawings of it are under way. */
struct stale {
    struct stale *next, *chained;
    uint64_t deployment;
    struct pause pause; /* between two drawings */
    struct spot *spots;
    size_t drawings;
    bool loading, again; /* a drawing is being read; another one is due */
    bool showing;        /* it is recorded that something shown of it may not be what stays */
};

void drawing_start(struct reconciler *reconciler, struct stale *stale);

#endif
