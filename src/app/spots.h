#ifndef GP_APP_SPOTS_H
#define GP_APP_SPOTS_H

/*
 * What is known of rooms and of the cards in them beside the records: which card is on its way, what could not be shown,
 * and when it may be tried again. No I/O and no clock.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    PAUSE_MS = 250, /* the first one */
    PAUSE_MAX_MS = 30000,
    PAUSE_ROOM_MAX_MS = 600000, /* people must act, who rarely do so soon, and calls are few */
};

/* Between two tries; all zero = no failure yet. */
struct pause {
    int64_t ms, until_ms; /* until: monotonic */
};

/* Twice as long as the one before, within limits. */
void pause_lengthen(struct pause *pause, int64_t least_ms, int64_t most_ms, int64_t now_ms);

/* A room as the platform knows it. While one refuses everything, all its cards wait, and one of them tries. */
struct room {
    struct room *next;
    char *name, *id;          /* owned; of the configuration, of the platform */
    struct pause pause;       /* ms > 0 = it refuses */
    char *why;                /* owned; it refused last time, or NULL */
    const struct spot *probe; /* the card that tries, or NULL */
};

/* They are kept until the end: there are no more of them than were ever configured. */
struct room *room_find_or_add(struct room **rooms, const char *name, const char *id);
void room_drop_all(struct room **rooms);
void room_forgive_all(struct room *rooms); /* they may take cards again, as far as is known */

/*
 * A card that is on its way to its room, or could not be shown there. One that is busy belongs to exactly one `shown` (see
 * drawing.c), which makes it idle as its end; only idle ones are taken or freed. So no card is on its way twice, and a
 * `shown` never loses its spot.
 */
struct spot {
    struct spot *next;
    struct room *room;
    char *view;    /* owned; the card's name */
    bool busy;     /* on its way */
    bool again;    /* is to be drawn once more when it has ended */
    char *trouble; /* owned; why it could not be shown last time, or NULL */
    struct pause pause;
};

/* The spot of this card, busy from now on; NULL if it is busy already or has to wait after a failure. */
struct spot *spot_take(struct spot **spots, struct room *room, const char *view, int64_t now_ms);

/* May it be tried in its room now? If the room refuses, this makes it the one that tries. */
bool spot_may_try(struct spot *spot, int64_t now_ms);
void spot_worked(struct spot *spot); /* the room takes cards */

/* The ends of a busy one. */
void spot_arrive(struct spot *spot);
void spot_wait(struct spot *spot);                                     /* for its room, which refuses */
void spot_refused(struct spot *spot, const char *why, int64_t now_ms); /* by its room, until people act */
void spot_fail(struct spot *spot, const char *why, int64_t least_ms, int64_t now_ms);

/* Frees those that are shown, and tells when the first of the rest may be tried; INT64_MAX = not before another ends. */
int64_t spots_due_ms(struct spot **spots);
void spots_drop_due(struct spot **spots, int64_t now_ms); /* frees the idle ones that might be tried now */
bool spots_are_shown(const struct spot *spots);           /* none is on its way, or could not be shown */
void spots_drop(struct spot **spots);                     /* frees all: none is busy */
void spots_forgive(struct spot *spots);

#endif
