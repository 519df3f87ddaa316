/* SPDX-License-Identifier: MIT
 *
 * files.c - see files.h.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"

enum { CONTENT_BYTES_MAX = 64 * 1024 };

static void riacho_auto_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void riacho_auto_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static riacho_status fail(riacho_error *err, const char *what, const char *path)
{
    return riacho_fail(err, RIACHO_FATAL, "cannot %s %s: %s", what, path, strerror(errno));
}

riacho_status riacho_files_make_folder(const char *path, riacho_error *err)
{
    RIACHO_AUTO(heap) char *partial = riacho_memory_text(path);
    for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            return fail(err, "create the folder", partial);
        *slash = '/';
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return fail(err, "create the folder", path);
    return RIACHO_OK;
}

static riacho_status sync_path(const char *path, riacho_error *err)
{
    RIACHO_AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return fail(err, "make durable", path);
    return RIACHO_OK;
}

riacho_status riacho_files_sync_folder(const char *path, riacho_error *err)
{
    return sync_path(path, err);
}

static bool ends_with(const char *name, const char *ending)
{
    const size_t size = strlen(name), ending_size = strlen(ending);
    return size > ending_size && strcmp(name + size - ending_size, ending) == 0;
}

riacho_status riacho_files_sync_each(const char *folder, const char *ending, riacho_error *err)
{
    RIACHO_AUTO(dir) DIR *dir = opendir(folder);
    if (!dir)
        return fail(err, "read the folder", folder);
    for (struct dirent *file; (file = readdir(dir));) {
        RIACHO_AUTO(buffer) riacho_buffer path = {0};
        riacho_buffer_printf(&path, "%s/%s", folder, file->d_name);
        if (ends_with(file->d_name, ending))
            RIACHO_TRY(sync_path((const char *)path.data, err));
    }
    return RIACHO_OK;
}

bool riacho_files_any(const char *folder, const char *ending)
{
    RIACHO_AUTO(dir) DIR *dir = opendir(folder);
    for (struct dirent *file; dir && (file = readdir(dir));) {
        if (ends_with(file->d_name, ending))
            return true;
    }
    return false;
}

riacho_status riacho_files_read(const char *path, riacho_arena *arena, riacho_bytes *ret_content,
                                riacho_error *err)
{
    *ret_content = (riacho_bytes){0};
    RIACHO_AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? RIACHO_OK : fail(err, "open", path);
    char *content = riacho_alloc(arena, CONTENT_BYTES_MAX);
    size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < CONTENT_BYTES_MAX; size += (size_t)got) {
        got = read(fd, content + size, CONTENT_BYTES_MAX - size);
        if (got < 0)
            return fail(err, "read", path);
    }
    *ret_content = (riacho_bytes){content, size};
    return RIACHO_OK;
}

static riacho_status write_durably(const char *path, riacho_bytes content, riacho_error *err)
{
    RIACHO_AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(err, "create", path);
    for (size_t done = 0; done < content.size;) {
        const ssize_t wrote = write(fd, (const char *)content.data + done, content.size - done);
        if (wrote < 0)
            return fail(err, "write", path);
        done += (size_t)wrote;
    }
    return fsync(fd) == 0 ? RIACHO_OK : fail(err, "make durable", path);
}

riacho_status riacho_files_replace(const char *folder, const char *name, riacho_bytes content,
                                   riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer path = {0};
    RIACHO_AUTO(buffer) riacho_buffer new = {0};
    riacho_buffer_printf(&path, "%s/%s", folder, name);
    riacho_buffer_printf(&new, "%s/%s.new", folder, name);
    RIACHO_TRY(write_durably((const char *)new.data, content, err));
    if (rename((const char *)new.data, (const char *)path.data) != 0)
        return fail(err, "replace", (const char *)path.data);
    return riacho_files_sync_folder(folder, err);
}

riacho_status riacho_files_space(const char *path, uint64_t *ret_free, uint64_t *ret_total,
                                 riacho_error *err)
{
    struct statvfs disk;
    if (statvfs(path, &disk) != 0)
        return fail(err, "measure the disk of", path);
    *ret_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    *ret_total = (uint64_t)disk.f_blocks * disk.f_frsize;
    return RIACHO_OK;
}
