#include "base/id.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/str.h"

static void write_hex(char *out, const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    out[2 * size] = 0;
}

void id_random(char out[ID_RANDOM_SIZE]) {
    unsigned char bytes[(ID_RANDOM_SIZE - 1) / 2];
    ssize_t got;
    do {
        got = getrandom(bytes, sizeof bytes, 0); /* so few bytes come whole or not at all */
    } while (got < 0 && errno == EINTR);
    assert(got == (ssize_t)sizeof bytes);
    write_hex(out, bytes, sizeof bytes);
}

void id_digest(char out[ID_DIGEST_SIZE], const void *data, size_t size) {
    unsigned char bytes[SHA256_DIGEST_LENGTH];
    const unsigned char *done = SHA256(size > 0 ? data : "", size, bytes);
    assert(done != NULL); /* fails only without memory */
    write_hex(out, bytes, sizeof bytes);
}

void id_hmac(char out[ID_DIGEST_SIZE], const char *key, const void *data, size_t size) {
    unsigned char bytes[SHA256_DIGEST_LENGTH];
    size_t key_size = strlen(key);
    assert(key_size <= INT_MAX);
    const unsigned char *done =
        HMAC(EVP_sha256(), key, (int)key_size, size > 0 ? data : (const void *)"", size, bytes, NULL);
    assert(done != NULL);
    write_hex(out, bytes, sizeof bytes);
}

/* No process outlives its boot, so it is read once. */
void id_boot(char out[ID_BOOT_SIZE]) {
    static char known[ID_BOOT_SIZE];
    ssize_t got = -1;
    if (known[0] != 0) {
        memcpy(out, known, ID_BOOT_SIZE);
        return;
    }
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        got = read(fd, out, ID_BOOT_SIZE - 1);
        (void)close(fd);
    }
    if (got != ID_BOOT_SIZE - 1) {
        memset(out, '-', ID_BOOT_SIZE - 1);
        memcpy(out, "unknown", strlen("unknown"));
    }
    out[ID_BOOT_SIZE - 1] = 0;
    memcpy(known, out, ID_BOOT_SIZE);
}

bool id_parse(char letter, const char *text, uint64_t *ret_id) {
    const char lower = (char)(letter | 0x20);
    const char *name = lower == 'd' ? "Deployments-" : lower == 'q' ? "Interruptions-" : NULL;
    if (name != NULL && str_starts_nocase(text, name)) {
        text += strlen(name);
    } else if ((text[0] | 0x20) == lower) {
        text++;
    }
    uint64_t id;
    if (str_to_u64(text, &id, NULL) != 0 || id == 0) {
        return false;
    }
    *ret_id = id;
    return true;
}
