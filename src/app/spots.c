#include "spots.h"

#include <assert.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/str.h"

void pause_lengthen(struct pause *pause, int64_t least_ms, int64_t most_ms, int64_t now_ms) {
    int64_t ms = 2 * pause->ms;
    ms = ms < least_ms ? least_ms : ms;
    pause->ms = ms > most_ms ? most_ms : ms;
    pause->until_ms = now_ms + pause->ms;
}

/* --- rooms ------------------------------------------------------------------------------------------------------- */

struct room *room_find_or_add(struct room **rooms, const char *name, const char *id) {
    struct room **link = rooms;
    while (*link != NULL && !(str_equal((*link)->name, name) && str_equal((*link)->id, id))) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        *link = mem_alloc(sizeof **link);
        (*link)->name = mem_strdup(name);
        (*link)->id = mem_strdup(id);
    }
    return *link;
}

void room_drop_all(struct room **rooms) {
    while (*rooms != NULL) {
        struct room *room = *rooms;
        *rooms = room->next;
        mem_free(room->name);
        mem_free(room->id);
        mem_free(room->why);
        mem_free(room);
    }
}

void room_forgive_all(struct room *rooms) {
    for (struct room *room = rooms; room != NULL; room = room->next) {
        room->pause = (struct pause){0};
    }
}

static bool room_refuses(const struct room *room) {
    return room->pause.ms > 0;
}

/* --- one card ---------------------------------------------------------------------------------------------------- */

struct spot *spot_take(struct spot **spots, struct room *room, const char *view, int64_t now_ms) {
    struct spot **link = spots;
    while (*link != NULL && !str_equal((*link)->view, view)) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        *link = mem_alloc(sizeof **link);
        (*link)->room = room;
        (*link)->view = mem_strdup(view);
    }
    struct spot *spot = *link;
    bool taken = !spot->busy && spot->pause.until_ms <= now_ms;
    spot->again = !taken;
    spot->busy = spot->busy || taken;
    return taken ? spot : NULL;
}

bool spot_may_try(struct spot *spot, int64_t now_ms) {
    struct room *room = spot->room;
    if (!room_refuses(room)) {
        return true;
    }
    if (room->probe == NULL && room->pause.until_ms <= now_ms) {
        room->probe = spot;
    }
    return room->probe == spot;
}

static void spot_end(struct spot *spot, const char *trouble) {
    char *copy = mem_strdup(trouble);
    assert(spot->busy);
    mem_free(spot->trouble);
    spot->trouble = copy;
    spot->busy = false;
    if (spot->room->probe == spot) {
        spot->room->probe = NULL;
    }
}

/* What was on its way when the room was found to refuse says nothing new. */
void spot_refused(struct spot *spot, const char *why, int64_t now_ms) {
    struct room *room = spot->room;
    if (!room_refuses(room) || room->probe == spot) {
        pause_lengthen(&room->pause, PAUSE_MS, PAUSE_ROOM_MAX_MS, now_ms);
    }
    mem_free(room->why);
    room->why = mem_strdup(why);
    spot_end(spot, why);
}

void spot_worked(struct spot *spot) {
    spot->room->pause = (struct pause){0};
}

void spot_arrive(struct spot *spot) {
    spot->pause = (struct pause){0};
    spot_end(spot, NULL);
}

void spot_wait(struct spot *spot) {
    spot_end(spot, spot->room->why);
}

/* A probe that failed for another reason says nothing of its room: it is tried again as soon as the card is. */
void spot_fail(struct spot *spot, const char *why, int64_t least_ms, int64_t now_ms) {
    pause_lengthen(&spot->pause, least_ms, PAUSE_MAX_MS, now_ms);
    if (spot->room->probe == spot) {
        spot->room->pause.until_ms = spot->pause.until_ms;
    }
    spot_end(spot, why);
}

/* --- all of a deployment ----------------------------------------------------------------------------------------- */

static void spot_drop(struct spot **link) {
    struct spot *spot = *link;
    assert(!spot->busy);
    *link = spot->next;
    mem_free(spot->view);
    mem_free(spot->trouble);
    mem_free(spot);
}

static int64_t spot_due_ms(const struct spot *spot) {
    const struct room *room = spot->room;
    if (spot->busy || room->probe != NULL) {
        return INT64_MAX;
    }
    return room->pause.until_ms > spot->pause.until_ms ? room->pause.until_ms : spot->pause.until_ms;
}

int64_t spots_due_ms(struct spot **spots) {
    int64_t due_ms = INT64_MAX;
    for (struct spot **link = spots; *link != NULL;) {
        int64_t ms = spot_due_ms(*link);
        if (!(*link)->busy && (*link)->trouble == NULL) {
            spot_drop(link);
        } else {
            due_ms = ms < due_ms ? ms : due_ms;
            link = &(*link)->next;
        }
    }
    return due_ms;
}

void spots_drop_due(struct spot **spots, int64_t now_ms) {
    for (struct spot **link = spots; *link != NULL;) {
        if (!(*link)->busy && (*link)->pause.until_ms <= now_ms) {
            spot_drop(link);
        } else {
            link = &(*link)->next;
        }
    }
}

bool spots_are_shown(const struct spot *spots) {
    for (; spots != NULL; spots = spots->next) {
        if (spots->busy || spots->trouble != NULL) {
            return false;
        }
    }
    return true;
}

void spots_drop(struct spot **spots) {
    while (*spots != NULL) {
        spot_drop(spots);
    }
}

void spots_forgive(struct spot *spots) {
    for (struct spot *spot = spots; spot != NULL; spot = spot->next) {
        spot->pause = (struct pause){0};
    }
}
