#include "pacing.h"

#include <stdbool.h>

#include "base/limits.h"
#include "base/mem.h"

enum { FEWEST = 64, MINUTE_MS = 60000 };

/*
 * The generic cell rate algorithm: a meter is one moment. Each use moves it an interval into the future; one more fits
 * as long as it is less than `burst` intervals ahead. A moment that has passed says the same as no meter at all.
 */
struct meter {
    uint64_t id; /* 0 = this place is free */
    int64_t ahead_ms, held_ms;
};

struct pacing {
    struct meter
        *meters; /* owned; hashed by id, the next free place is taken; a power of two of them, half of them free */
    size_t capacity, count;
};

struct pacing_rate pacing_per_minute(int64_t count) {
    int64_t burst = count >= 5 ? count / 5 : 1;
    int64_t rest = count - burst + 1; /* in a minute that begins with a burst, the last of the burst among them */
    return (struct pacing_rate){.interval_ms = (MINUTE_MS + rest - 1) / rest, .burst = burst};
}

struct pacing *pacing_create(void) {
    struct pacing *pacing = mem_alloc(sizeof *pacing);
    pacing->capacity = FEWEST;
    pacing->meters = mem_array(FEWEST, sizeof *pacing->meters);
    return pacing;
}

void pacing_destroy(struct pacing *pacing) {
    if (pacing != NULL) {
        mem_free(pacing->meters);
        mem_free(pacing);
    }
}

/* FNV-1a of both words with the NUL between them: http://www.isthe.com/chongo/tech/comp/fnv/ */
uint64_t pacing_meter(const char *kind, const char *name) {
    uint64_t hash = 14695981039346656037U;
    const char *words[] = {kind, name};
    for (size_t i = 0; i < 2; i++) {
        const char *each = words[i];
        do {
            hash = (hash ^ (unsigned char)*each) * 1099511628211U;
        } while (*each++ != '\0');
    }
    return hash != 0 ? hash : 1;
}

static struct meter *find(const struct pacing *pacing, uint64_t id) {
    size_t place = (size_t)id & (pacing->capacity - 1);
    while (pacing->meters[place].id != 0 && pacing->meters[place].id != id) {
        place = (place + 1) & (pacing->capacity - 1);
    }
    return &pacing->meters[place];
}

static bool remembers(const struct meter *meter, int64_t now_ms) {
    return meter->id != 0 && (meter->ahead_ms > now_ms || meter->held_ms > now_ms);
}

/* Forgets what can be forgotten, and makes room for twice the rest. */
static void tidy(struct pacing *pacing, int64_t now_ms) {
    size_t live = 0;
    for (size_t i = 0; i < pacing->capacity; i++) {
        live += remembers(&pacing->meters[i], now_ms) ? 1 : 0;
    }
    struct pacing old = *pacing;
    while (pacing->capacity > FEWEST && pacing->capacity > live * 8) {
        pacing->capacity /= 2;
    }
    while (pacing->capacity < live * 4) {
        pacing->capacity *= 2;
    }
    pacing->meters = mem_array(pacing->capacity, sizeof *pacing->meters);
    pacing->count = live;
    for (size_t i = 0; i < old.capacity; i++) {
        if (remembers(&old.meters[i], now_ms)) {
            *find(pacing, old.meters[i].id) = old.meters[i];
        }
    }
    mem_free(old.meters);
}

static struct meter *find_or_add(struct pacing *pacing, uint64_t id, int64_t now_ms) {
    struct meter *meter = find(pacing, id);
    if (meter->id == 0) {
        if (pacing->count * 2 >= pacing->capacity) {
            tidy(pacing, now_ms);
            meter = find(pacing, id);
        }
        pacing->count++;
        *meter = (struct meter){.id = id, .ahead_ms = now_ms, .held_ms = now_ms};
    }
    return meter;
}

int64_t pacing_when(const struct pacing *pacing, uint64_t meter, const struct pacing_rate *rate, int64_t now_ms) {
    const struct meter *found = find(pacing, meter);
    int64_t when_ms = now_ms;
    if (found->id != 0) {
        int64_t free_ms = rate != NULL ? found->ahead_ms - (rate->burst - 1) * rate->interval_ms : now_ms;
        when_ms = free_ms > when_ms ? free_ms : when_ms;
        when_ms = found->held_ms > when_ms ? found->held_ms : when_ms;
    }
    return when_ms;
}

void pacing_take(struct pacing *pacing, uint64_t meter, const struct pacing_rate *rate, int64_t now_ms) {
    struct meter *found = find_or_add(pacing, meter, now_ms);
    found->ahead_ms = (found->ahead_ms > now_ms ? found->ahead_ms : now_ms) + rate->interval_ms;
}

void pacing_hold(struct pacing *pacing, uint64_t meter, int64_t until_ms, int64_t now_ms) {
    struct meter *found = find_or_add(pacing, meter, now_ms);
    found->held_ms = until_ms > found->held_ms ? until_ms : found->held_ms;
}

size_t pacing_count(const struct pacing *pacing) {
    return pacing->count;
}

int64_t pacing_pause_ms(unsigned attempts, uint64_t random) {
    int64_t most_ms = LIMIT_SLACK_PAUSE_MS;
    for (unsigned i = 1; i < attempts && most_ms < LIMIT_SLACK_PAUSE_MAX_MS; i++) {
        most_ms *= 2;
    }
    most_ms = most_ms < LIMIT_SLACK_PAUSE_MAX_MS ? most_ms : LIMIT_SLACK_PAUSE_MAX_MS;
    return (int64_t)(random % (uint64_t)(most_ms + 1));
}
