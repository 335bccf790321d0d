#include "job_codec.h"

#include <stdio.h>

#include "base/str.h"
#include "words.h"

static const char *const kind_words[] = {
    [JOB_START] = "start",
    [JOB_ADOPT] = "adopt",
    [JOB_CHECK] = "check",
    [JOB_STOP] = "stop",
};

enum { FIELDS_MAX = 14 };

/* The words of an XADD, with room for its numbers. */
struct fields {
    const char *words[1 + 2 * FIELDS_MAX];
    size_t count;
    char numbers[FIELDS_MAX][NUMBER_SIZE];
    size_t number_count;
};

static void add_text(struct fields *fields, const char *name, const char *value)
{
    if (!str_empty(value)) {
        fields->words[fields->count++] = name;
        fields->words[fields->count++] = value;
    }
}

static void add_number(struct fields *fields, const char *name, uint64_t value)
{
    add_text(fields, name, words_u64(fields->numbers[fields->number_count++], value));
}

const char *job_codec_jobs(char out[JOB_STREAM_SIZE], const char *host)
{
    (void)snprintf(out, JOB_STREAM_SIZE, "jobs:%s", str_empty(host) ? "any" : host);
    return out;
}

const char *job_codec_control(char out[JOB_STREAM_SIZE], const char *host)
{
    (void)snprintf(out, JOB_STREAM_SIZE, "control:%s", str_empty(host) ? "any" : host);
    return out;
}

void commit_push_job(struct commit *commit, const struct job *job)
{
    char stream[JOB_STREAM_SIZE];
    struct fields fields = {.words = {"*"}, .count = 1};

    add_text(&fields, "kind", kind_words[job->kind]);
    add_number(&fields, "deployment", job->deployment);
    add_number(&fields, "step", job->step);
    add_number(&fields, "slot", job->slot);
    add_number(&fields, "attempt", job->attempt);
    add_number(&fields, "epoch", job->epoch);
    add_number(&fields, "closing", (uint64_t)job->closing);
    add_number(&fields, "prove_gone", job->prove_gone);
    add_text(&fields, "host", job->host);
    add_text(&fields, "plan", job->plan_hash);
    add_text(&fields, "version", job->version);
    add_text(&fields, "previous", job->previous_version);
    add_text(&fields, "actor", job->actor);
    add_text(&fields, "inputs", job->inputs);
    (void)(job->kind == JOB_START ? job_codec_jobs(stream, job->host) : job_codec_control(stream, job->host));
    commit_op(commit, "XADD", stream, fields.count, fields.words, NULL);
}

static const char *get_text(const struct redis_reply *fields, const char *name)
{
    return redis_text(redis_field(fields, name), NULL);
}

static bool get_number(const struct redis_reply *fields, const char *name, uint64_t most, uint64_t *ret_value)
{
    return str_to_u64(words_field(fields, name), ret_value, NULL) == 0 && *ret_value <= most;
}

static bool get_kind(const struct redis_reply *fields, enum job_kind *ret_kind)
{
    const char *word = words_field(fields, "kind");
    for (size_t i = 0; i < sizeof kind_words / sizeof *kind_words; i++) {
        if (str_equal(word, kind_words[i])) {
            *ret_kind = (enum job_kind)i;
            return true;
        }
    }
    return false;
}

bool job_codec_parse(const struct redis_reply *fields, struct job *ret_job)
{
    struct job job = {0};
    uint64_t step, slot, attempt, epoch, closing, prove_gone;

    if (!get_kind(fields, &job.kind) || !get_number(fields, "deployment", UINT64_MAX, &job.deployment) ||
        !get_number(fields, "step", SIZE_MAX, &step) || !get_number(fields, "slot", SIZE_MAX, &slot) ||
        !get_number(fields, "attempt", UINT32_MAX, &attempt) || !get_number(fields, "epoch", UINT32_MAX, &epoch) ||
        !get_number(fields, "closing", CLOSING_CANCELING, &closing) ||
        !get_number(fields, "prove_gone", 1, &prove_gone)) {
        return false;
    }
    job.step = (size_t)step;
    job.slot = (size_t)slot;
    job.attempt = (uint32_t)attempt;
    job.epoch = (uint32_t)epoch;
    job.closing = (enum closing)closing;
    job.prove_gone = prove_gone != 0;
    job.host = get_text(fields, "host");
    job.plan_hash = get_text(fields, "plan");
    job.version = get_text(fields, "version");
    job.previous_version = get_text(fields, "previous");
    job.actor = get_text(fields, "actor");
    job.inputs = get_text(fields, "inputs");
    *ret_job = job;
    return true;
}
