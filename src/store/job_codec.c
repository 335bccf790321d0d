#include "job_codec.h"

#include <stdio.h>

#include "base/str.h"
#include "claim.h"
#include "words.h"

static const char *const kind_words[] = {
    [JOB_START] = "start", [JOB_ADOPT] = "adopt", [JOB_CHECK] = "check", [JOB_STOP] = "stop", [JOB_PROBE] = "probe",
};

const char *job_codec_jobs(char out[JOB_STREAM_SIZE], const char *host) {
    (void)snprintf(out, JOB_STREAM_SIZE, "jobs:%s", str_empty(host) ? "any" : host);
    return out;
}

const char *job_codec_control(char out[JOB_STREAM_SIZE], const char *host) {
    (void)snprintf(out, JOB_STREAM_SIZE, "control:%s", str_empty(host) ? "any" : host);
    return out;
}

void commit_push_job(struct commit *commit, const struct job *job) {
    char stream[JOB_STREAM_SIZE];
    struct field_list fields = {.words = {"*"}, .count = 1};

    field_list_text(&fields, "kind", kind_words[job->kind]);
    field_list_number(&fields, "deployment", job->deployment);
    field_list_number(&fields, "step", job->step);
    field_list_number(&fields, "slot", job->slot);
    field_list_number(&fields, "attempt", job->attempt);
    field_list_number(&fields, "epoch", job->epoch);
    field_list_text(&fields, "closing", closing_word(job->closing));
    field_list_number(&fields, "prove_gone", job->prove_gone);
    field_list_number(&fields, "question", job->question);
    field_list_number(&fields, "until", (uint64_t)job->until_ms);
    field_list_text(&fields, "host", job->host);
    field_list_text(&fields, "owner", job->owner);
    field_list_text(&fields, "plan", job->plan_hash);
    field_list_text(&fields, "version", job->version);
    field_list_text(&fields, "previous", job->previous_version);
    field_list_text(&fields, "actor", job->actor);
    field_list_text(&fields, "inputs", job->inputs);
    (void)(job->kind == JOB_START ? job_codec_jobs(stream, job->host) : job_codec_control(stream, job->host));
    commit_op(commit, "XADD", stream, fields.count, fields.words, NULL);
}

static const char *get_text(const struct redis_reply *fields, const char *name) {
    return redis_text(redis_field(fields, name), NULL);
}

static bool get_kind(const struct redis_reply *fields, enum job_kind *ret_kind) {
    const char *word = words_field(fields, "kind");
    for (size_t i = 0; i < sizeof kind_words / sizeof *kind_words; i++) {
        if (str_equal(word, kind_words[i])) {
            *ret_kind = (enum job_kind)i;
            return true;
        }
    }
    return false;
}

bool job_codec_parse(const struct redis_reply *fields, struct job *ret_job) {
    struct job job = {
        .deployment = words_field_u64(fields, "deployment"),
        .step = (size_t)words_field_u64(fields, "step"),
        .slot = (size_t)words_field_u64(fields, "slot"),
        .attempt = (uint32_t)words_field_u64(fields, "attempt"),
        .epoch = (uint32_t)words_field_u64(fields, "epoch"),
        .closing = closing_parse(words_field(fields, "closing")),
        .prove_gone = words_field_u64(fields, "prove_gone") != 0,
        .question = words_field_u64(fields, "question"),
        .until_ms = words_field_i64(fields, "until"),
        .host = get_text(fields, "host"),
        .owner = get_text(fields, "owner"),
        .plan_hash = get_text(fields, "plan"),
        .version = get_text(fields, "version"),
        .previous_version = get_text(fields, "previous"),
        .actor = get_text(fields, "actor"),
        .inputs = get_text(fields, "inputs"),
    };

    if (!get_kind(fields, &job.kind) || job.deployment == 0) {
        return false;
    }
    *ret_job = job;
    return true;
}

struct job job_copy(const struct job *job, struct arena *arena) {
    struct job copy = *job;
    copy.host = arena_strdup(arena, job->host);
    copy.owner = arena_strdup(arena, job->owner);
    copy.plan_hash = arena_strdup(arena, job->plan_hash);
    copy.version = arena_strdup(arena, job->version);
    copy.previous_version = arena_strdup(arena, job->previous_version);
    copy.actor = arena_strdup(arena, job->actor);
    copy.inputs = arena_strdup(arena, job->inputs);
    copy.stream = arena_strdup(arena, job->stream);
    copy.entry = arena_strdup(arena, job->entry);
    return copy;
}
