#ifndef GP_STORE_JOB_CODEC_H
#define GP_STORE_JOB_CODEC_H

/*
 * A job <-> the entry of a stream. Starts lie in jobs:<host>, which a worker reads when it has a free slot. What
 * needs no slot (to adopt, check or stop) lies in control:<host>, which it always reads: a busy worker must hear a
 * stop. Jobs for no host in particular lie in the stream of the host "any".
 */

#include <stdbool.h>

#include "net/redis.h"
#include "store/queue.h"

enum { JOB_STREAM_SIZE = 160 };

/* The group of every stream of jobs. */
#define JOB_GROUP "workers"

/* The streams (without prefix) of one host; NULL = any. */
const char *job_codec_jobs(char out[JOB_STREAM_SIZE], const char *host);
const char *job_codec_control(char out[JOB_STREAM_SIZE], const char *host);

/* Reads the fields of an entry: flat field, value, ...; texts are borrowed from them. False if they cannot be
 * understood. stream and entry are left to the caller. */
bool job_codec_parse(const struct redis_reply *fields, struct job *ret_job);

#endif
