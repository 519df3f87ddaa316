/* SPDX-License-Identifier: MIT
 *
 * folder.c - see folder.h.
 */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/macros.h"

static const char format_text[] = "riacho embedded log, format 1\n";

static void riacho_auto_file(const int *file)
{
    if (*file >= 0)
        close(*file);
}

static riacho_status failed(const char *doing, const char *path, riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT, "cannot %s %.200s: %s", doing, path, strerror(errno));
}

static riacho_status sync_folder(const char *path, riacho_error *err)
{
    RIACHO_AUTO(file) int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 || fsync(folder) != 0 ? failed("sync", path, err) : RIACHO_OK;
}

/* Creates one folder, so that it is still there after a power loss. */
static riacho_status make_folder(const char *path, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    if (mkdir(path, 0750) == 0)
        return sync_folder(riacho_format(arena, "%s/..", path), err);
    return errno == EEXIST ? RIACHO_OK : failed("create", path, err);
}

static riacho_status make_folders(char *path, riacho_error *err)
{
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != 0)
            continue;
        const char ending = *at;
        *at = 0;
        RIACHO_TRY(make_folder(path, err));
        *at = ending;
        if (!ending)
            return RIACHO_OK;
    }
}

static riacho_status in_use(const char *folder, int lock, riacho_error *err)
{
    char holder[32] = "";
    const ssize_t size = pread(lock, holder, sizeof holder - 1, 0);
    holder[size > 0 ? size : 0] = 0;
    holder[strcspn(holder, "\n")] = 0;
    return riacho_fail(err, RIACHO_REJECT,
                       "the log in %.200s is in use by process %s; stop that process, or give this "
                       "one another folder",
                       folder, *holder ? holder : "(not yet known)");
}

static riacho_status write_all(int file, const char *text, const char *path, riacho_error *err)
{
    const size_t size = strlen(text);
    if (ftruncate(file, 0) != 0 || pwrite(file, text, size, 0) != (ssize_t)size)
        return failed("write", path, err);
    return RIACHO_OK;
}

riacho_status riacho_folder_lock(const char *folder, int *ret_lock, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_TRY(make_folders(riacho_format(arena, "%s", folder), err));
    const char *path = riacho_format(arena, "%s/LOCK", folder);
    RIACHO_AUTO(file) int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock < 0)
        return failed("open", path, err);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? in_use(folder, lock, err) : failed("lock", path, err);
    RIACHO_TRY(write_all(lock, riacho_format(arena, "%ld\n", (long)getpid()), path, err));
    *ret_lock = lock;
    lock = -1;
    return RIACHO_OK;
}

/* What may lie in a folder where no log has been finished: our own beginnings, and what the file
 * system puts at the root of a disk. */
static bool is_harmless(const char *name)
{
    static const char *const names[] = {".", "..", "LOCK", "FORMAT.new", "db", "lost+found"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i]))
            return true;
    }
    return false;
}

static riacho_status check_empty(const char *folder, riacho_error *err)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return failed("list", folder, err);
    riacho_status status = RIACHO_OK;
    for (const struct dirent *entry; status == RIACHO_OK && (entry = readdir(entries));) {
        if (!is_harmless(entry->d_name))
            status = riacho_fail(err, RIACHO_REJECT,
                                 "%.200s is not a log: it holds '%.100s' but no file FORMAT; name "
                                 "an empty or a new folder",
                                 folder, entry->d_name);
    }
    closedir(entries);
    return status;
}

riacho_status riacho_folder_look(const char *folder, bool *ret_is_log, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const char *path = riacho_format(arena, "%s/FORMAT", folder);
    RIACHO_AUTO(file) int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno != ENOENT)
        return failed("open", path, err);
    *ret_is_log = file >= 0;
    if (file < 0)
        return check_empty(folder, err);
    char text[sizeof format_text + 1] = "";
    const ssize_t size = read(file, text, sizeof text - 1);
    if (size != (ssize_t)strlen(format_text) || strcmp(text, format_text) != 0)
        return riacho_fail(err, RIACHO_REJECT,
                           "%.200s is not a log that this program can read: its file FORMAT does "
                           "not say '%.*s'",
                           folder, (int)strlen(format_text) - 1, format_text);
    return RIACHO_OK;
}

riacho_status riacho_folder_mark(const char *folder, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const char *fresh = riacho_format(arena, "%s/FORMAT.new", folder);
    RIACHO_AUTO(file) int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (file < 0)
        return failed("create", fresh, err);
    RIACHO_TRY(write_all(file, format_text, fresh, err));
    if (fsync(file) != 0 || rename(fresh, riacho_format(arena, "%s/FORMAT", folder)) != 0)
        return failed("write", fresh, err);
    return sync_folder(folder, err);
}

void riacho_folder_space(const char *folder, uint64_t *ret_free, uint64_t *ret_total)
{
    struct statvfs disk;
    const bool known = statvfs(folder, &disk) == 0;
    *ret_free = known ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
    *ret_total = known ? (uint64_t)disk.f_blocks * disk.f_frsize : 0;
}
