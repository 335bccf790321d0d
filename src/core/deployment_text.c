/* What a deployment says: how an attempt ended, what an answer will do, why it is not accepted, and the picture of
 * its states. */

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "core/deployment.h"
#include "transition.h"

static const char *duration(int64_t ms, struct arena *arena) {
    struct buf text = BUF_INIT(LIMIT_NAME_BYTES);
    str_duration(&text, ms);
    const char *copy = arena_strdup(arena, text.data);
    buf_finish(&text);
    return copy;
}

static const char *signal_name(int64_t number) {
    switch (number) {
    case SIGKILL:
        return " (SIGKILL)";
    case SIGTERM:
        return " (SIGTERM)";
    case SIGINT:
        return " (SIGINT)";
    case SIGHUP:
        return " (SIGHUP)";
    case SIGSEGV:
        return " (SIGSEGV)";
    case SIGABRT:
        return " (SIGABRT)";
    case SIGPIPE:
        return " (SIGPIPE)";
    default:
        return "";
    }
}

/* Some numbers mean more here than in general (exec/rundir.h). */
static const char *not_started_reason(int64_t number) {
    switch (number) {
    case EWOULDBLOCK:
        return "another step still runs there";
    case ENOSYS:
        return "a program that it needs is missing there";
    case ECONNABORTED:
        return "again and again its connection broke, or its worker died, before it began";
    case ECANCELED:
        return "canceled before it began";
    default:
        return strerror((int)number);
    }
}

/* By the numbers of enum rundir_unreachable (exec/rundir.h). */
static const char *unreachable_reason(int64_t number) {
    static const char *const reasons[] = {
        [1] = "there is no connection",
        [2] = "nobody knows a host of this name",
        [3] = "connection refused",
        [4] = "there is no way to this host",
        [5] = "it does not answer",
        [6] = "it closed the connection",
        [7] = "its host key is not in known_hosts",
        [8] = "its host key has changed",
        [9] = "it refuses our login",
        [10] = "ssh can't be run on the worker",
        [11] = "ssh refuses its configuration",
        [12] = "no POSIX shell answers there",
    };
    size_t count = sizeof reasons / sizeof reasons[0];
    return number >= 1 && number < (int64_t)count ? reasons[number] : reasons[1];
}

const char *outcome_text(struct outcome outcome, struct arena *arena) {
    switch (outcome.kind) {
    case OUTCOME_NONE:
        return "not ended";
    case OUTCOME_EXIT:
        return arena_printf(arena, "exit code %lld", (long long)outcome.number);
    case OUTCOME_SIGNAL:
        return arena_printf(arena, "killed by signal %lld%s", (long long)outcome.number, signal_name(outcome.number));
    case OUTCOME_TIMEOUT:
        return arena_printf(arena, "timed out after %s", duration(outcome.number, arena));
    case OUTCOME_QUIET:
        return arena_printf(arena, "no output for %s", duration(outcome.number, arena));
    case OUTCOME_NOT_STARTED:
        return arena_printf(arena, "not started: %s", not_started_reason(outcome.number));
    case OUTCOME_UNREACHABLE:
        return arena_printf(arena, "unreachable: %s", unreachable_reason(outcome.number));
    case OUTCOME_UNKNOWN:
        return "outcome unknown";
    case OUTCOME_CANCELED:
        return "stopped";
    }
    return "";
}

enum { OPTIONS_SIZE = 96 }; /* all six titles with what stands between them */

static void options_text(unsigned options, char out[OPTIONS_SIZE]) {
    size_t used = 0;
    unsigned left = options;
    out[0] = '\0';
    for (unsigned bit = GUIDANCE_RETRY; bit <= GUIDANCE_ABORT; bit <<= 1) {
        if ((options & bit) == 0) {
            continue;
        }
        left &= ~bit;
        const char *between = used == 0 ? "" : left == 0 ? " or " : ", ";
        used += (size_t)snprintf(out + used, OPTIONS_SIZE - used, "%s%s", between, guidance_title((enum guidance)bit));
        assert(used < OPTIONS_SIZE);
    }
}

bool deployment_accepts(const struct deployment *d, const struct question *question, enum guidance guidance,
                        const char *note, struct err *err) {
    const struct plan_step *step = &d->plan->steps[question->step];
    const char *target = plan_slot_name(d->plan, question->step, question->slot);
    if ((question->options & (unsigned)guidance) == 0) {
        const char *why = "";
        if (guidance == GUIDANCE_RETRY && question->why_no_retry != NULL) {
            why = question->why_no_retry;
        } else if ((guidance == GUIDANCE_IGNORE || guidance == GUIDANCE_EXCLUDE) && step->required) {
            why = "It is a required step.";
        } else if (guidance == GUIDANCE_EXCLUDE && step->on_worker) {
            why = "It does not run on a machine of its own.";
        } else if (guidance == GUIDANCE_EXCLUDE && !question->late_cancel) {
            why = "The last machine of a deployment can't be excluded.";
        }
        char options[OPTIONS_SIZE];
        options_text(question->options, options);
        (void)err_set(err, ERR_INVALID, "%s%s%s can't be answered with %s. %s%sPossible: %s.", step->name,
                      step->approve     ? ""
                      : step->on_worker ? " on the "
                                        : " on ",
                      step->approve ? "" : target, guidance_title(guidance), why, why[0] == '\0' ? "" : " ", options);
        return false;
    }
    if (guidance != GUIDANCE_FAIL && slot_is_excluded(d, question->step, question->slot)) {
        (void)err_set(err, ERR_CONFLICT, "%s was excluded meanwhile, so that %s needs no answer.", target, step->name);
        return false;
    }
    if (guidance == GUIDANCE_EXCLUDE && deployment_remaining(d) <= 1) {
        (void)err_set(err, ERR_CONFLICT,
                      "%s is the last machine of this deployment and can't be excluded. To end it, answer Fail.",
                      target);
        return false;
    }
    if ((step->guided.note_required & (unsigned)guidance) != 0 && str_empty(note)) {
        (void)err_set(err, ERR_INVALID, "%s needs a note here: %s Q%llu -- why.", guidance_title(guidance),
                      guidance_word(guidance), (unsigned long long)question->id);
        return false;
    }
    return true;
}

static const struct edge {
    const char *from, *to, *why;
} deployment_edges[] =
    {
#define X(from, to, why) {#from, #to, why},
        DEPLOYMENT_EDGES(X)
#undef X
},
  run_edges[] = {
#define X(from, to, why) {#from, #to, why},
      RUN_EDGES(X)
#undef X
};

static void lower(char out[64], const char *name) {
    size_t i = 0;
    for (; name[i] != '\0' && i < 63; i++) {
        out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    out[i] = '\0';
}

static void write_edges(struct buf *out, const char *title, const struct edge *edges, size_t count) {
    buf_printf(out, "## %s\n\n```mermaid\nstateDiagram-v2\n", title);
    for (size_t i = 0; i < count; i++) {
        char from[64], to[64];
        lower(from, edges[i].from);
        lower(to, edges[i].to);
        buf_printf(out, "    %s --> %s\n", from, to);
    }
    buf_printf(out, "```\n\n| from | to | when |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        char from[64], to[64];
        lower(from, edges[i].from);
        lower(to, edges[i].to);
        buf_printf(out, "| %s | %s | %s |\n", from, to, edges[i].why);
    }
    buf_adds(out, "\n");
}

void deployment_write_states(struct buf *out) {
    buf_adds(out,
             "# States\n\nGenerated from the tables in include/core/deployment.h by `guidepost docs states`; do not "
             "edit.\n\n"
             "A deployment is *paused* when something waits for guidance and nothing runs. A *run* is one step on one\n"
             "target. A pair that is not listed here never happens: the program stops rather than do it.\n\n");
    write_edges(out, "A deployment", deployment_edges, sizeof deployment_edges / sizeof deployment_edges[0]);
    write_edges(out, "A run", run_edges, sizeof run_edges / sizeof run_edges[0]);
}
