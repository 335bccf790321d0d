#include "inbox_codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "words.h"

enum { RUN_TEXT_SIZE = 96 };

void inbox_encode_event(struct commit *commit, uint64_t deployment, const struct event *event) {
    struct field_list fields = {.words = {"*"}, .count = 1};
    char run[RUN_TEXT_SIZE];
    char outcome[OUTCOME_SIZE];
    (void)snprintf(run, sizeof run, "%zu.%zu.%" PRIu32 ".%" PRIu32, event->step, event->slot, event->attempt,
                   event->epoch);
    words_outcome_format(outcome, event->outcome, ' ');
    field_list_text(&fields, "event", event_word(event->kind));
    field_list_number(&fields, "deployment", deployment);
    field_list_number(&fields, "at", (uint64_t)event->now_ms);
    field_list_text(&fields, "run", run);
    field_list_text(&fields, "outcome", event->outcome.kind == OUTCOME_NONE ? NULL : outcome);
    field_list_text(&fields, "worker", event->worker);
    field_list_text(&fields, "host", event->host);
    field_list_text(&fields, "excerpt", event->excerpt);
    field_list_number(&fields, "question", event->question);
    field_list_number(&fields, "deadline", (uint64_t)event->deadline_ms);
    field_list_text(&fields, "guidance", guidance_word(event->guidance));
    field_list_text(&fields, "actor", event->actor);
    field_list_text(&fields, "via", event->via);
    field_list_text(&fields, "note", event->note);
    commit_op(commit, "XADD", "inbox", fields.count, fields.words, NULL);
}

void inbox_encode_lane(struct commit *commit, const char *project, const char *environment) {
    struct buf lane = BUF_INIT(STORE_KEY_SIZE);
    buf_printf(&lane, "%s/%s", project, environment);
    commit_add(commit, "XADD", "inbox", "*", "lane", lane.data);
    buf_finish(&lane);
}

void inbox_encode_worker_gone(struct commit *commit, const char *worker) {
    commit_add(commit, "XADD", "inbox", "*", "gone", worker);
}

static bool event_parse(const char *word, enum event_kind *ret_kind) {
#define X(name, word_of_it)            \
    if (str_equal(word, word_of_it)) { \
        *ret_kind = EVENT_##name;      \
        return true;                   \
    }
    EVENTS(X)
#undef X
    return false;
}

static bool run_parse(const char **text, char end, struct event *event) {
    uint64_t step = 0;
    uint64_t slot = 0;
    uint64_t attempt = 0;
    uint64_t epoch = 0;
    if (!words_number(text, end, &step) || !words_number(text, end, &slot) || !words_number(text, end, &attempt) ||
        !words_number(text, end, &epoch) || attempt > UINT32_MAX || epoch > UINT32_MAX) {
        return false;
    }
    event->step = (size_t)step;
    event->slot = (size_t)slot;
    event->attempt = (uint32_t)attempt;
    event->epoch = (uint32_t)epoch;
    return true;
}

/* An absent text is NULL, so that the core can tell an event of a worker from one without. */
static const char *optional(const struct redis_reply *fields, const char *name, struct arena *arena) {
    const char *text = words_field(fields, name);
    return text[0] != '\0' ? arena_strdup(arena, text) : NULL;
}

static bool decode_event(const struct redis_reply *fields, struct arena *arena, struct inbox_entry *entry) {
    struct event *event = &entry->event;
    const char *run = words_field(fields, "run");
    entry->deployment = words_field_u64(fields, "deployment");
    if (!event_parse(words_field(fields, "event"), &event->kind) || entry->deployment == 0 ||
        !run_parse(&run, '.', event)) {
        return false;
    }
    event->now_ms = words_field_i64(fields, "at");
    event->outcome = words_outcome(words_field(fields, "outcome"), ' ');
    event->worker = optional(fields, "worker", arena);
    event->host = optional(fields, "host", arena);
    event->excerpt = arena_strdup(arena, words_field(fields, "excerpt"));
    event->question = words_field_u64(fields, "question");
    event->deadline_ms = words_field_i64(fields, "deadline");
    event->guidance = guidance_parse(words_field(fields, "guidance"));
    event->actor = optional(fields, "actor", arena);
    event->via = optional(fields, "via", arena);
    event->note = optional(fields, "note", arena);
    entry->kind = INBOX_EVENT;
    return true;
}

static bool decode_lane(const struct redis_reply *fields, struct arena *arena, struct inbox_entry *entry) {
    const char *lane = words_field(fields, "lane");
    const char *slash = strchr(lane, '/');
    if (slash == NULL) {
        return false;
    }
    entry->kind = INBOX_LANE;
    entry->project = arena_strndup(arena, lane, (size_t)(slash - lane));
    entry->environment = arena_strdup(arena, slash + 1);
    return true;
}

void inbox_decode(const struct redis_reply *fields, struct arena *arena, struct inbox_entry *ret_entry) {
    *ret_entry = (struct inbox_entry){.kind = INBOX_BROKEN};
    ret_entry->worker = optional(fields, "gone", arena);
    if (ret_entry->worker != NULL) {
        ret_entry->kind = INBOX_WORKER_GONE;
    } else if (!decode_event(fields, arena, ret_entry) && !decode_lane(fields, arena, ret_entry)) {
        *ret_entry = (struct inbox_entry){.kind = INBOX_BROKEN};
    }
}

void timer_member_format(char out[TIMER_MEMBER_SIZE], uint64_t deployment, const struct effect *effect) {
    (void)snprintf(out, TIMER_MEMBER_SIZE, "%" PRIu64 ":%s:%zu:%zu:%" PRIu32 ":%" PRIu32 ":%" PRIu64, deployment,
                   event_word(effect->timer), effect->step, effect->slot, effect->attempt, effect->epoch,
                   effect->question);
}

/* Takes the next word before a colon into `out`. */
static bool word_take(const char **text, char *out, size_t room) {
    size_t length = strcspn(*text, ":");
    if (length >= room || (*text)[length] == '\0') {
        return false;
    }
    memcpy(out, *text, length);
    out[length] = '\0';
    *text += length + 1;
    return true;
}

void timer_member_parse(const char *member, struct inbox_entry *ret_entry) {
    struct inbox_entry entry = {.kind = INBOX_TIMER, .timer = member};
    const char *rest = member;
    char word[32];
    bool understood = words_number(&rest, ':', &entry.deployment) && word_take(&rest, word, sizeof word) &&
                      event_parse(word, &entry.event.kind) && run_parse(&rest, ':', &entry.event) &&
                      words_number(&rest, '\0', &entry.event.question);
    *ret_entry = understood ? entry : (struct inbox_entry){.kind = INBOX_BROKEN, .timer = member};
}
