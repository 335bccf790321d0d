#ifndef GP_BASE_ID_H
#define GP_BASE_ID_H

/* Names that nobody else has, digests, and the numbers that people write: D311, Q42. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { ID_RANDOM_SIZE = 33, ID_DIGEST_SIZE = 65, ID_BOOT_SIZE = 37 };

/* 128 random bits from the kernel as 32 hex digits and NUL. */
void id_random(char out[ID_RANDOM_SIZE]);

/* SHA-256 (FIPS 180-4) as 64 hex digits and NUL. */
void id_digest(char out[ID_DIGEST_SIZE], const void *data, size_t size);

/* HMAC-SHA-256 (RFC 2104), hex. */
void id_hmac(char out[ID_DIGEST_SIZE], const char *key, const void *data, size_t size);

/* The kernel's boot id, or "unknown" padded where there is none. */
void id_boot(char out[ID_BOOT_SIZE]);

/* Reads "D311", "d311", "311" (and "Deployments-311" for letter 'D', "Interruptions-42" for 'Q').
 * False if it is none of these or zero. */
bool id_parse(char letter, const char *text, uint64_t *ret_id);

#endif
