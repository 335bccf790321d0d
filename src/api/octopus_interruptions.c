/* Questions as Octopus Deploy's interruptions. */

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/str.h"
#include "core/permission.h"
#include "octopus.h"
#include "octopus_shape.h"
#include "read.h"

enum { MOST = 1000, LOOKED_AT = 200 };

/* --- the resource ------------------------------------------------------------------------------------------------- */

static void write_button(struct json_out *out, const char *text, const char *value, bool confirm) {
    json_object_begin(out, NULL);
    json_add_string(out, "Text", text);
    json_add_string(out, "Value", value);
    json_add_bool(out, "RequiresConfirmation", confirm);
    json_object_end(out);
}

/* In the order in which Octopus Deploy shows them. */
static void write_buttons(struct json_out *out, const struct deployment *d, const struct question *q) {
    static const struct {
        enum guidance guidance;
        const char *text;
    } buttons[] = {
        {GUIDANCE_FAIL, "Fail"},       {GUIDANCE_RETRY, "Retry"},
        {GUIDANCE_IGNORE, "Ignore"},   {GUIDANCE_EXCLUDE, "Exclude machine from deployment"},
        {GUIDANCE_PROCEED, "Proceed"}, {GUIDANCE_ABORT, "Abort"},
    };
    unsigned confirm = d->plan->steps[q->step].guided.confirm | GUIDANCE_ABORT;
    json_array_begin(out, "Buttons");
    for (size_t i = 0; i < sizeof buttons / sizeof buttons[0]; i++) {
        enum guidance guidance = buttons[i].guidance;
        bool last = guidance == GUIDANCE_EXCLUDE && deployment_remaining(d) <= 1;
        if ((q->options & (unsigned)guidance) != 0 && !last) {
            write_button(out, buttons[i].text, guidance_title(guidance), (confirm & (unsigned)guidance) != 0);
        }
    }
    json_array_end(out);
}

static void element_begin(struct json_out *out, const char *name, const char *type) {
    json_object_begin(out, NULL);
    json_add_string(out, "Name", name);
    json_object_begin(out, "Control");
    json_add_string(out, "Type", type);
}

static void element_end(struct json_out *out, bool required) {
    json_object_end(out);
    json_add_bool(out, "IsValueRequired", required);
    json_object_end(out);
}

/* Which step, which machine, what went wrong. */
static const char *instructions(const struct call *call, const struct deployment *d,
                                const struct question_record *question) {
    const struct question *q = &question->question;
    const struct plan_step *step = &d->plan->steps[q->step];
    if (q->approve) {
        return step->instructions == NULL ? step->name : step->instructions;
    }
    const char *what = q->unknown ? "was started and nobody saw its end"
                       : q->late_cancel
                           ? "was told to stop and may still be running"
                           : arena_printf(call->arena, "failed: %s", outcome_text(question->outcome, call->arena));
    return arena_printf(call->arena, "'%s' on %s %s, attempt %u. What would you like to do?%s%s%s%s", step->name,
                        plan_slot_name(d->plan, q->step, q->slot), what, q->attempt,
                        str_empty(q->why_no_retry) ? "" : " ", str_empty(q->why_no_retry) ? "" : q->why_no_retry,
                        str_empty(q->excerpt) ? "" : "\n\n", str_empty(q->excerpt) ? "" : q->excerpt);
}

static void write_form(struct call *call, const struct deployment *d, const struct question_record *question) {
    struct json_out *out = &call->out;
    const struct question *q = &question->question;
    const char *choice = q->approve ? "Result" : "Guidance";
    json_object_begin(out, "Form");
    json_object_begin(out, "Values");
    json_add_null(out, "Instructions");
    json_add_string(out, "Notes", question->note);
    json_add_string(out, choice, question->answer == GUIDANCE_NONE ? NULL : guidance_title(question->answer));
    json_object_end(out);
    json_array_begin(out, "Elements");
    element_begin(out, "Instructions", "Paragraph");
    json_add_string(out, "Text", instructions(call, d, question));
    json_add_bool(out, "ResolveLinks", false);
    element_end(out, false);
    element_begin(out, "Notes", "TextArea");
    json_add_string(out, "Label", "Notes");
    element_end(out, false);
    element_begin(out, choice, "SubmitButtonGroup");
    write_buttons(out, d, q);
    element_end(out, true);
    json_array_end(out);
    json_object_end(out);
}

static void write_related(struct json_out *out, const struct deployment *d) {
    json_array_begin(out, "RelatedDocumentIds");
    octopus_add_id(out, NULL, "ServerTasks", d->id);
    octopus_add_id(out, NULL, "Deployments", d->id);
    octopus_add_name(out, NULL, "Projects", d->plan->project);
    octopus_add_name(out, NULL, "Environments", d->plan->environment);
    json_array_end(out);
}

void octopus_write_interruption(struct call *call, const struct deployment *d, const struct question_record *question) {
    struct json_out *out = &call->out;
    const struct question *q = &question->question;
    const struct plan_names *teams = &d->plan->steps[q->step].guided.responsible;
    const char *responsible = question->open ? question->taken_by : question->answered_by;
    bool may_take = (call_permissions(call, d->plan->project, d->plan->environment) & PERMISSION_TAKE) != 0;
    unsigned long long id = q->id;
    json_object_begin(out, NULL);
    octopus_add_id(out, "Id", "Interruptions", q->id);
    json_add_string(out, "SpaceId", OCTOPUS_SPACE);
    /* Old clients know the type by the end of the title. */
    octopus_add_text(out, "Title", "Deploy %s release %s to %s requires %s", d->plan->project, d->version,
                     d->plan->environment, q->approve ? "manual intervention" : "failure guidance");
    json_add_string(out, "Type", q->approve ? "ManualIntervention" : "GuidedFailure");
    octopus_add_time(out, "Created", q->asked_ms);
    json_add_bool(out, "IsPending", question->open);
    write_form(call, d, question);
    write_related(out, d);
    octopus_add_words(out, "ResponsibleTeamIds", "Teams", teams->items, teams->count);
    octopus_add_name(out, "ResponsibleUserId", "Users", responsible);
    json_add_bool(out, "CanTakeResponsibility", question->open && may_take);
    json_add_bool(out, "HasResponsibility", str_equal(responsible, call->actor.name));
    octopus_add_id(out, "TaskId", "ServerTasks", d->id);
    json_add_string(out, "CorrelationId", octopus_run_id(d->id, q->step, q->slot, call->arena));
    json_add_bool(out, "IsLinkedToOtherInterruption", false);
    json_object_begin(out, "Links");
    octopus_add_text(out, "Self", OCTOPUS_HOME "/interruptions/Interruptions-%llu", id);
    octopus_add_text(out, "Submit", OCTOPUS_HOME "/interruptions/Interruptions-%llu/submit", id);
    octopus_add_text(out, "Responsible", OCTOPUS_HOME "/interruptions/Interruptions-%llu/responsible", id);
    if (responsible != NULL) {
        octopus_add_text(out, "User", "/api/users/Users-%s", responsible);
    }
    json_object_end(out);
    json_object_end(out);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static const struct octopus_list list = {"Interruption", "/interruptions", "regarding,pendingOnly,ids"};

struct listing {
    struct octopus_page page; /* as asked for */
    bool all;                 /* a bare array is wanted */
    bool pending;
    const char *regarding; /* NULL = whatever */
    uint64_t *ids;         /* of questions that are to be shown, the newest first */
    size_t count, next;
    size_t skip; /* of ids: 0 if the store has skipped already */
    uint64_t total;
};

static void listing_write(struct call *call) {
    const struct listing *listing = call->state;
    size_t end = listing->skip + listing->page.take;
    if (listing->all) {
        json_array_begin(&call->out, NULL);
    } else {
        octopus_list_begin(call, &list, &listing->page, listing->total);
    }
    for (size_t i = listing->skip; i < listing->count && i < end; i++) {
        const struct deployment *d = NULL;
        const struct question_record *question = read_find_question(call, listing->ids[i], &d);
        if (question != NULL) {
            octopus_write_interruption(call, d, question);
        }
    }
    if (listing->all) {
        json_array_end(&call->out);
    } else {
        octopus_list_end(call, &list, &listing->page, listing->total);
    }
    call_answer(call, 200);
}

/* Any of the documents that an interruption names. */
static bool is_regarding(uint64_t deployment, const char *project, const char *environment, const char *document) {
    uint64_t id = 0;
    if (document == NULL) {
        return true;
    }
    if (id_parse('D', octopus_name("ServerTasks", document), &id)) {
        return id == deployment;
    }
    return str_equal(octopus_name("Projects", document), project) ||
           str_equal(octopus_name("Environments", document), environment);
}

static int newer_first(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* From the deployments that were read. */
static void choose(struct call *call) {
    struct listing *listing = call->state;
    for (size_t i = 0; i < call->record_count; i++) {
        const struct deployment_record *record = call->records[i];
        const struct deployment *d = record->deployment;
        if (!is_regarding(d->id, d->plan->project, d->plan->environment, listing->regarding)) {
            continue;
        }
        for (size_t k = 0; k < record->question_count; k++) {
            if (record->questions[k].open || !listing->pending) {
                listing->ids = arena_push(call->arena, listing->ids, listing->count, sizeof *listing->ids);
                listing->ids[listing->count++] = record->questions[k].question.id;
            }
        }
    }
    if (listing->count > 0) {
        qsort(listing->ids, listing->count, sizeof *listing->ids, newer_first);
    }
    listing->total = listing->count;
    listing->skip = listing->page.skip;
    listing_write(call);
}

/* --- by their numbers --------------------------------------------------------------------------------------------- */

static void gather(struct call *call);

static void gathered(struct deployment_record *record, const struct err *err, void *user) {
    struct call *call = user;
    if (record != NULL) {
        (void)read_keep(call, record);
    }
    if (call_continues(call, err != NULL && err->code == ERR_NOT_FOUND ? NULL : err)) {
        ((struct listing *)call->state)->next++;
        gather(call);
    }
}

/* A deployment comes with all its questions, so it is read once for all of them. */
static void gather(struct call *call) {
    struct listing *listing = call->state;
    const struct deployment *d = NULL;
    while (listing->next < listing->count && read_find_question(call, listing->ids[listing->next], &d) != NULL) {
        listing->next++;
    }
    if (listing->next < listing->count) {
        store_load_question(call->api->options.store, listing->ids[listing->next], gathered, call);
    } else {
        listing_write(call);
    }
}

static void keep_ids(struct call *call, const uint64_t *ids, size_t count) {
    struct listing *listing = call->state;
    listing->ids = arena_array(call->arena, count + 1, sizeof *ids);
    listing->count = count;
    if (count > 0) {
        memcpy(listing->ids, ids, count * sizeof *ids);
    }
    gather(call);
}

static void numbers_came(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct call *call = user;
    if (call_continues(call, err)) {
        ((struct listing *)call->state)->total = total;
        keep_ids(call, ids, count);
    }
}

static void list_named(struct call *call, const char *names) {
    struct listing *listing = call->state;
    uint64_t *ids = arena_array(call->arena, MOST, sizeof *ids);
    size_t count = 0;
    for (const char *item = names; *item != '\0' && count < MOST;) {
        size_t size = strcspn(item, ",");
        count += id_parse('Q', arena_strndup(call->arena, item, size), &ids[count]);
        item += size + (item[size] == ',');
    }
    listing->total = count;
    listing->skip = listing->page.skip;
    keep_ids(call, ids, count);
}

/* --- what is asked for -------------------------------------------------------------------------------------------- */

static bool head_is_regarding(const struct head *head, struct call *call) {
    const struct listing *listing = call->state;
    return is_regarding(head->deployment, head->project, head->environment, listing->regarding);
}

static void pending_read(struct call *call) {
    struct listing *listing = call->state;
    listing->ids = arena_array(call->arena, call->page.count + 1, sizeof *listing->ids);
    for (size_t i = 0; i < call->page.count; i++) {
        listing->ids[listing->count++] = call->page.heads[i].question;
    }
    listing->total = call->page.total;
    listing_write(call);
}

static void pending_or_all(struct call *call) {
    struct listing *listing = call->state;
    const struct octopus_page *page = &listing->page;
    if (listing->pending) {
        read_page(
            call,
            &(struct page_wish){.of = PAGE_QUESTIONS, .newest_first = true, .skip = page->skip, .take = page->take},
            listing->regarding == NULL ? NULL : head_is_regarding, pending_read);
    } else if ((call_permissions(call, "*", "*") & PERMISSION_VIEW) == 0) {
        /* The numbers count what others ask. */
        read_page(call, &(struct page_wish){.of = PAGE_DEPLOYMENTS, .newest_first = true, .take = LOOKED_AT}, NULL,
                  choose);
    } else {
        store_list_questions(call->api->options.store, page->skip, page->take, numbers_came, call);
    }
}

void octopus_interruptions(struct call *call) {
    struct listing *listing = call->state = arena_alloc(call->arena, sizeof *listing);
    const char *ids = web_query(call->request, "ids"), *regarding = web_query(call->request, "regarding");
    uint64_t id = 0;
    if (!octopus_page_read(call, &listing->page)) {
        return;
    }
    listing->pending = octopus_flag(web_query(call->request, "pendingOnly"), false);
    listing->regarding = str_empty(regarding) ? NULL : regarding;
    if (!str_empty(ids)) {
        list_named(call, ids);
    } else if (listing->regarding != NULL && id_parse('D', octopus_name("ServerTasks", regarding), &id)) {
        read_deployments(call, &id, 1, choose);
    } else if (listing->regarding != NULL && !listing->pending) {
        read_page(call, &(struct page_wish){.of = PAGE_DEPLOYMENTS, .newest_first = true, .take = LOOKED_AT},
                  head_is_regarding, choose);
    } else {
        pending_or_all(call);
    }
}

void octopus_interruptions_all(struct call *call) {
    struct listing *listing = call->state = arena_alloc(call->arena, sizeof *listing);
    listing->all = true;
    listing->page = (struct octopus_page){0, MOST};
    pending_or_all(call);
}

static void interruption_write(struct call *call) {
    const struct deployment *d = NULL;
    const struct question_record *question = read_find_question(call, *(uint64_t *)call->state, &d);
    if (question == NULL) {
        call_refuse(call, ERR_NOT_FOUND, "The resource '%.100s' was not found.", call->params[0]);
        return;
    }
    octopus_write_interruption(call, d, question);
    call_answer(call, 200);
}

void octopus_interruption(struct call *call) {
    uint64_t *id = call->state = arena_alloc(call->arena, sizeof *id);
    if (read_question_id(call, call->params[0], id)) {
        read_question(call, *id, interruption_write);
    }
}
