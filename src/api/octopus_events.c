/* What happened to a deployment, from its audit, in Octopus Deploy's categories. What has none there is left out. */

#include <string.h>

#include "base/str.h"
#include "octopus.h"
#include "octopus_shape.h"
#include "read.h"

/* By how an entry of the audit begins. */
static const struct category {
    const char *what, *name, *message;
} categories[] = {
    {"created", "DeploymentQueued", "Queued"},
    {"admitted", "DeploymentStarted", "Started"},
    {"asked ", "GuidedFailureInterruptionRaised", "Asked for guidance on"},
    {"answered ", "InterruptionSubmitted", "Submitted interruption of"},
    {"finished succeeded", "DeploymentSucceeded", "Succeeded:"},
    {"finished failed", "DeploymentFailed", "Failed:"},
    {"canceled", "TaskCanceled", "Canceled"},
};

static const struct octopus_list list = {"Event", "/events", "regarding,regardingAny,eventCategories"};

static const struct category *category_of(const char *what) {
    for (size_t i = 0; i < sizeof categories / sizeof categories[0]; i++) {
        if (str_starts(what, categories[i].what)) {
            return &categories[i];
        }
    }
    return NULL;
}

/* "asked Q42 ..." is about Q42. */
static void write_related(struct json_out *out, const struct deployment *d, const char *what) {
    const char *question = strstr(what, " Q");
    json_array_begin(out, "RelatedDocumentIds");
    octopus_add_id(out, NULL, "Deployments", d->id); /* programs take the first for the deployment */
    octopus_add_name(out, NULL, "Projects", d->plan->project);
    octopus_add_name(out, NULL, "Environments", d->plan->environment);
    octopus_add_id(out, NULL, "ServerTasks", d->id);
    if (question != NULL) {
        octopus_add_text(out, NULL, "Interruptions-%.*s", (int)strspn(question + 2, "0123456789"), question + 2);
    }
    json_array_end(out);
}

static void write_event(struct json_out *out, const struct deployment *d, const struct audit_entry *entry,
                        const struct category *category) {
    bool person = !str_empty(entry->actor);
    json_object_begin(out, NULL);
    octopus_add_text(out, "Id", "Events-%llu-%s", (unsigned long long)d->id, entry->id);
    json_add_string(out, "SpaceId", OCTOPUS_SPACE);
    json_add_string(out, "Category", category->name);
    octopus_add_name(out, "UserId", "Users", person ? entry->actor : "system");
    json_add_string(out, "Username", person ? entry->actor : "system");
    json_add_bool(out, "IsService", !person);
    json_add_string(out, "IdentityEstablishedWith", entry->via);
    octopus_add_time(out, "Occurred", entry->when_ms);
    octopus_add_text(out, "Message", "%s deploy to %s of %s release %s (%s)", category->message, d->plan->environment,
                     d->plan->project, d->version, entry->what);
    json_add_string(out, "Comments", entry->note);
    json_add_string(out, "Details", entry->what);
    write_related(out, d, entry->what);
    octopus_add_words(out, "MessageReferences", NULL, NULL, 0);
    json_object_begin(out, "Links");
    octopus_add_text(out, "Self", "/api/events?regarding=Deployments-%llu", (unsigned long long)d->id);
    json_object_end(out);
    json_object_end(out);
}

static bool is_wanted(const struct call *call, const struct audit_entry *entry) {
    const struct category *category = category_of(entry->what);
    return category != NULL && octopus_list_has(web_query(call->request, "eventCategories"), "", category->name);
}

static void events_write(struct call *call, const struct deployment *d, const struct audit_entry *entries,
                         size_t count) {
    struct octopus_page page;
    uint64_t total = 0, seen = 0;
    if (!octopus_page_read(call, &page)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        total += is_wanted(call, &entries[i]);
    }
    octopus_list_begin(call, &list, &page, total);
    for (size_t i = count; i-- > 0;) { /* the newest first */
        if (is_wanted(call, &entries[i]) && seen++ >= page.skip && seen <= page.skip + page.take) {
            write_event(&call->out, d, &entries[i], category_of(entries[i].what));
        }
    }
    octopus_list_end(call, &list, &page, total);
    call_answer(call, 200);
}

static void audit_came(const struct audit_entry *entries, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    if (call_continues(call, err)) {
        events_write(call, read_record(call)->deployment, entries, count);
    }
}

static void deployment_allowed(struct call *call) {
    store_read_audit(call->api->options.store, read_record(call)->deployment->id, audit_came, call);
}

/* Only of one deployment: there is no log of everything. */
void octopus_events(struct call *call) {
    const char *regarding = web_query(call->request, "regarding");
    regarding = str_empty(regarding) ? web_query(call->request, "regardingAny") : regarding;
    uint64_t id = 0;
    if (str_empty(regarding)) {
        events_write(call, NULL, NULL, 0);
    } else if (read_deployment_id(call, regarding, &id)) {
        read_deployment(call, id, deployment_allowed);
    }
}
