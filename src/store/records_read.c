/* Deployments as they lie in Redis, read whole: one, or several at a time. Lists are in records_list.c. */

#include <inttypes.h>

#include "base/mem.h"
#include "claim.h"
#include "codec_deployment.h"
#include "later.h"
#include "lua.h"
#include "store/records.h"
#include "unreadable.h"
#include "words.h"

/* --- one deployment --- */

struct load {
    struct store *store;
    uint64_t id;       /* of the deployment; 0 until its header has come */
    uint64_t question; /* by which it is looked up; or 0 */
    record_done *done;
    void *user;
};

void deployment_record_free(struct deployment_record *record) {
    if (record != NULL) {
        arena_destroy(record->arena); /* The record itself lives in it. */
    }
}

/* A field that is no run of the plan would be a bug; it is left out. */
static bool decode_runs(const struct redis_reply *reply, struct deployment *d) {
    const struct run *like = NULL;
    for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
        size_t step = 0;
        size_t slot = 0;
        const char *field = redis_text(redis_at(reply, i), NULL);
        const char *text = redis_text(redis_at(reply, i + 1), NULL);
        if (!run_field_parse(field, &step, &slot) || step >= d->plan->step_count ||
            slot >= d->plan->steps[step].slot_count || text == NULL) {
            return false;
        }
        struct run *run = deployment_run(d, step, slot);
        if (!run_decode(text, like, d->arena, run)) {
            return false;
        }
        like = run->worker != NULL ? run : like;
    }
    return true;
}

/* For the deployment a question is open until the leader has applied its answer: as long as its run waits for it. */
static void decode_past(const char *text, struct past_answers *past) {
    uint32_t *const places[] = {&past->retry, &past->retry_worked, &past->ignore, &past->exclude, &past->fail};
    const size_t count = sizeof places / sizeof places[0];
    for (size_t i = 0; i < count; i++) {
        uint64_t number = 0;
        if (text == NULL || !words_number(&text, i + 1 < count ? ' ' : '\0', &number)) {
            return;
        }
        *places[i] = (uint32_t)number;
    }
}

static bool decode_questions(const struct redis_reply *reply, const struct redis_reply *past,
                             struct deployment_record *record) {
    struct deployment *d = record->deployment;
    record->questions = arena_array(record->arena, redis_count(reply) + 1, sizeof *record->questions);
    for (size_t i = 0; i < redis_count(reply); i++) {
        struct question_record *question = &record->questions[record->question_count];
        if (redis_count(redis_at(reply, i)) == 0) {
            continue;
        }
        if (!question_decode(redis_at(reply, i), d, question)) {
            return false;
        }
        decode_past(redis_text(redis_at(past, i), NULL), &question->past);
        record->question_count++;
        if (deployment_run(d, question->question.step, question->question.slot)->question == question->question.id) {
            d->questions = arena_push(d->arena, d->questions, d->question_count, sizeof *d->questions);
            d->questions[d->question_count++] = question->question;
        }
    }
    return true;
}

/* What was done for a card lies in its first question, which may be closed. */
static void restore_vigils(struct deployment_record *record) {
    for (size_t i = 0; i < record->question_count; i++) {
        const struct question_record *head = &record->questions[i];
        struct vigil *vigil = deployment_vigil(record->deployment, head->question.id);
        if (vigil == NULL) {
            continue;
        }
        vigil->since_ms = head->question.asked_ms;
        if (head->vigil != NULL) {
            size_t open = vigil->open, parked = vigil->parked;
            *vigil = *head->vigil;
            vigil->open = open;
            vigil->parked = parked;
        }
    }
}

static struct deployment_record *decode(const struct redis_reply *reply, struct err *err) {
    size_t size = 0;
    const char *text = redis_text(redis_at(reply, 1), &size);
    struct arena *arena = arena_create();
    struct deployment_record *record = arena_alloc(arena, sizeof *record);
    struct plan *plan = text != NULL ? plan_from_json(text, size, arena, err) : NULL;
    record->arena = arena;
    record->deployment = arena_alloc(arena, sizeof *record->deployment);
    if (plan != NULL) {
        deployment_init(record->deployment, plan, arena);
        if (deployment_decode(redis_at(reply, 0), record->deployment) &&
            decode_runs(redis_at(reply, 2), record->deployment) &&
            decode_questions(redis_at(reply, 3), redis_at(reply, 4), record)) {
            deployment_restore(record->deployment);
            restore_vigils(record);
            return record;
        }
    }
    arena_destroy(arena);
    return NULL;
}

static void load_came(const struct redis_reply *reply, bool sent, void *user) {
    struct load *load = user;
    struct deployment_record *record = NULL;
    struct err err = {0};
    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &err);
    } else if (redis_count(reply) == 0) {
        bool question = load->question != 0;
        (void)err_set(&err, ERR_NOT_FOUND, "There is no %s%" PRIu64 ".", question ? "question Q" : "deployment D",
                      question ? load->question : load->id);
    } else {
        load->id = words_field_u64(redis_at(reply, 0), "id");
        struct err why = {.text = "what Redis holds of it cannot be understood"};
        record = decode(reply, &why);
        if (record == NULL) {
            (void)err_set(&err, ERR_IO, "Deployment D%" PRIu64 " cannot be read: %s", load->id, why.text);
        }
        unreadable_list_note(store_unreadable(load->store), load->id, record == NULL ? err.text : NULL);
    }
    load->done(record, record == NULL ? &err : NULL, load->user);
    mem_free(load);
}

static void load_begin(struct store *store, const char *what, const char *key, const struct load *like) {
    struct load *load = mem_alloc(sizeof *load);
    *load = *like;
    redis_call(store_redis(store), load_came, load, "EVAL", store_script_load, "1", key, store_prefix(store), what);
}

void store_load_deployment(struct store *store, uint64_t id, record_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    load_begin(store, "deployment", store_key(store, key, "dep:%" PRIu64, id),
               &(struct load){.store = store, .id = id, .done = done, .user = user});
}

void store_load_question(struct store *store, uint64_t question, record_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    load_begin(store, "question", store_key(store, key, "q:%" PRIu64, question),
               &(struct load){.store = store, .question = question, .done = done, .user = user});
}

/* --- several --- */

enum { LOADS_AT_ONCE = 32 };

struct loads {
    struct store *store;
    uint64_t *ids;
    struct deployment_record **records; /* as the ids; NULL = not there */
    size_t count, next, under_way;
    struct err err; /* the first that is more than one deployment's */
    records_done *done;
    void *user;
};

struct load_place {
    struct loads *loads;
    size_t index;
};

static void loads_go_on(struct loads *loads);

static void loads_came(struct deployment_record *record, const struct err *err, void *user) {
    struct load_place *place = user;
    struct loads *loads = place->loads;
    loads->records[place->index] = record;
    bool of_one = err != NULL && (err->code == ERR_NOT_FOUND || err->code == ERR_IO);
    if (err != NULL && !of_one && loads->err.code == ERR_NONE) {
        loads->err = *err;
    }
    mem_free(place);
    loads->under_way--;
    loads_go_on(loads);
}

static void loads_finish(struct loads *loads) {
    size_t found = 0;
    for (size_t i = 0; i < loads->next; i++) {
        if (loads->err.code != ERR_NONE) {
            deployment_record_free(loads->records[i]);
        } else if (loads->records[i] != NULL) {
            loads->records[found++] = loads->records[i];
        }
    }
    loads->done(found > 0 ? loads->records : NULL, found, loads->err.code != ERR_NONE ? &loads->err : NULL,
                loads->user);
    mem_free(loads->ids);
    mem_free(loads->records);
    mem_free(loads);
}

/* After a failure nothing more is asked for: what is under way still comes. */
static void loads_go_on(struct loads *loads) {
    while (loads->err.code == ERR_NONE && loads->next < loads->count && loads->under_way < LOADS_AT_ONCE) {
        struct load_place *place = mem_alloc(sizeof *place);
        *place = (struct load_place){.loads = loads, .index = loads->next++};
        loads->under_way++;
        store_load_deployment(loads->store, loads->ids[place->index], loads_came, place);
    }
    if (loads->under_way == 0) {
        loads_finish(loads);
    }
}

static void loads_nothing(const struct redis_reply *reply, bool sent, void *user) {
    (void)reply;
    (void)sent;
    loads_finish(user);
}

void store_load_deployments(struct store *store, const uint64_t *ids, size_t count, records_done *done, void *user) {
    struct loads *loads = mem_alloc(sizeof *loads);
    *loads = (struct loads){.store = store, .count = count, .done = done, .user = user};
    loads->ids = mem_array(count + 1, sizeof *loads->ids);
    loads->records = mem_array(count + 1, sizeof(struct deployment_record *));
    for (size_t i = 0; i < count; i++) {
        loads->ids[i] = ids[i];
    }
    if (count == 0) {
        later_call(store, loads_nothing, loads);
    } else {
        loads_go_on(loads);
    }
}
