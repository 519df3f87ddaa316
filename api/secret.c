/* SPDX-License-Identifier: MIT
 *
 * secret.c - see secret.h.
 */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/text.h"

enum { SEALED_BYTES_MAX = 1024, PURPOSE_BYTES_MAX = 32 };

void riacho_secret_random(void *to, size_t size)
{
    uint8_t *at = to;
    while (size > 0) {
        const ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* A machine without chance can sign nothing. */
        at += got;
        size -= (size_t)got;
    }
}

void riacho_secret_make(riacho_secret *ret_secret)
{
    riacho_secret_random(ret_secret->key, sizeof ret_secret->key);
}

void riacho_secret_done(riacho_secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

/* Writes a fresh key beside the file and links it into place, so that two processes that start at
 * once end with one key, and a crash leaves no half of one. */
static riacho_status create_file(const char *file, riacho_error *err)
{
    riacho_secret fresh;
    char temporary[4096];
    const int length = snprintf(temporary, sizeof temporary, "%s.%ld", file, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof temporary)
        return riacho_fail(err, RIACHO_REJECT, "the name of the key file is too long");
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return riacho_fail(err, RIACHO_REJECT, "cannot create the key file %s: %s", file,
                           strerror(errno));
    riacho_secret_make(&fresh);
    const bool wrote =
        write(fd, fresh.key, sizeof fresh.key) == (ssize_t)sizeof fresh.key && fsync(fd) == 0;
    riacho_secret_done(&fresh);
    close(fd);
    const bool linked = wrote && (link(temporary, file) == 0 || errno == EEXIST);
    const int why = errno;
    unlink(temporary);
    if (!linked)
        return riacho_fail(err, RIACHO_REJECT, "cannot write the key file %s: %s", file,
                           strerror(why));
    return RIACHO_OK;
}

static riacho_status read_file(int fd, const char *file, riacho_secret *ret_secret,
                               riacho_error *err)
{
    struct stat info;
    uint8_t bytes[RIACHO_SECRET_BYTES + 1];
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return riacho_fail(err, RIACHO_REJECT, "the key file %s is not a file", file);
    if (info.st_mode & (S_IRWXG | S_IRWXO))
        return riacho_fail(err, RIACHO_REJECT,
                           "the key file %s can be read by others: chmod 600 it", file);
    if (read(fd, bytes, sizeof bytes) != RIACHO_SECRET_BYTES)
        return riacho_fail(err, RIACHO_REJECT,
                           "the key file %s does not hold exactly %d bytes: delete it to get a new "
                           "one (visitors then get new ids)",
                           file, RIACHO_SECRET_BYTES);
    memcpy(ret_secret->key, bytes, sizeof ret_secret->key);
    explicit_bzero(bytes, sizeof bytes);
    return RIACHO_OK;
}

riacho_status riacho_secret_read(const char *file, riacho_secret *ret_secret, riacho_error *err)
{
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return riacho_fail(err, RIACHO_REJECT,
                           "cannot open the group's secret %s: %s; make one with `head -c %d "
                           "/dev/urandom > FILE; chmod 600 FILE`, the same for every worker",
                           file, strerror(errno), RIACHO_SECRET_BYTES);
    const riacho_status status = read_file(fd, file, ret_secret, err);
    close(fd);
    return status;
}

riacho_status riacho_secret_open(const char *file, riacho_secret *ret_secret, riacho_error *err)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        RIACHO_TRY(create_file(file, err));
        fd = open(file, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0)
        return riacho_fail(err, RIACHO_REJECT, "cannot open the key file %s: %s", file,
                           strerror(errno));
    const riacho_status status = read_file(fd, file, ret_secret, err);
    close(fd);
    return status;
}

void riacho_secret_tag(const riacho_secret *secret, const char *purpose, riacho_bytes payload,
                       uint8_t *ret_tag)
{
    uint8_t text[PURPOSE_BYTES_MAX + SEALED_BYTES_MAX];
    uint8_t digest[32];
    const size_t head = strlen(purpose) + 1;
    if (head > PURPOSE_BYTES_MAX || payload.size > SEALED_BYTES_MAX)
        abort(); /* Callers bound what they sign. */
    memcpy(text, purpose, head);
    memcpy(text + head, payload.data, payload.size);
    if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret->key, sizeof secret->key, text,
                         head + payload.size, digest) != 0)
        abort(); /* Without the hash nothing can be told apart. */
    memcpy(ret_tag, digest, RIACHO_TAG_BYTES);
}

void riacho_secret_seal(const riacho_secret *secret, const char *purpose, riacho_bytes payload,
                        riacho_buffer *out)
{
    uint8_t sealed[SEALED_BYTES_MAX + RIACHO_TAG_BYTES];
    riacho_secret_tag(secret, purpose, payload, sealed + payload.size);
    memcpy(sealed, payload.data, payload.size);
    riacho_base64url_encode((riacho_bytes){sealed, payload.size + RIACHO_TAG_BYTES}, out);
}

riacho_status riacho_secret_unseal(const riacho_secret *secret, const char *purpose,
                                   riacho_bytes text, riacho_arena *arena,
                                   riacho_bytes *ret_payload)
{
    uint8_t tag[RIACHO_TAG_BYTES];
    RIACHO_AUTO(buffer) riacho_buffer sealed = {0};
    if (text.size > (SEALED_BYTES_MAX + RIACHO_TAG_BYTES) / 3 * 4)
        return RIACHO_REJECT;
    RIACHO_TRY(riacho_base64url_decode(text, &sealed, NULL));
    if (sealed.size < RIACHO_TAG_BYTES || sealed.size - RIACHO_TAG_BYTES > SEALED_BYTES_MAX)
        return RIACHO_REJECT;
    const riacho_bytes payload = {sealed.data, sealed.size - RIACHO_TAG_BYTES};
    riacho_secret_tag(secret, purpose, payload, tag);
    if (gnutls_memcmp(tag, sealed.data + payload.size, RIACHO_TAG_BYTES) != 0)
        return RIACHO_REJECT;
    *ret_payload = riacho_copy(arena, payload);
    return RIACHO_OK;
}
