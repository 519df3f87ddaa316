/* SPDX-License-Identifier: MIT
 *
 * folders.c - see folders.h.
 */
#include "folders.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void folder_read_file(const char *path, riacho_buffer *out)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t got;
    do {
        got = fread(riacho_buffer_reserve(out, 65536), 1, 65536, file);
        out->size += got;
    } while (got);
    fclose(file);
}

void folder_write_file(const char *path, const riacho_buffer *content)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content->data, 1, content->size, file), content->size);
    fclose(file);
}

/* The largest file of the store whose name has `part` in it; NULL when there is none. */
const char *folder_find(fixture *f, const char *part)
{
    DIR *dir = opendir(fixture_store_folder(f));
    const char *found = NULL;
    off_t size = -1;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *path = riacho_format(f->arena, "%s/%s", fixture_store_folder(f), entry->d_name);
        struct stat info;
        if (strstr(entry->d_name, part) && stat(path, &info) == 0 && info.st_size > size) {
            found = path;
            size = info.st_size;
        }
    }
    closedir(dir);
    return found;
}

size_t folder_count(const char *folder, const char *part)
{
    DIR *dir = opendir(folder);
    size_t count = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += strstr(entry->d_name, part) != NULL;
    closedir(dir);
    return count;
}

/* Copies the files of a store as they are at this moment: what a kill would leave. */
void folder_copy(fixture *f, const char *from, const char *to)
{
    DIR *dir = opendir(from);
    assert_non_null(dir);
    assert_int_equal(mkdir(to, 0777), 0);
    for (struct dirent *entry; (entry = readdir(dir));) {
        riacho_buffer content = {0};
        if (*entry->d_name == '.')
            continue;
        folder_read_file(riacho_format(f->arena, "%s/%s", from, entry->d_name), &content);
        if (!content.data)
            riacho_buffer_reserve(&content, 1);
        folder_write_file(riacho_format(f->arena, "%s/%s", to, entry->d_name), &content);
        riacho_buffer_done(&content);
    }
    closedir(dir);
}

/* Leaves the store's folder as a kill at this moment would, and closes the store. */
void folder_crash(fixture *f)
{
    const char *folder = fixture_store_folder(f);
    const char *copy = riacho_format(f->arena, "%s.crashed", folder);
    folder_copy(f, folder, copy);
    fixture_close_store(f);
    fixture_remove_folder(folder);
    assert_int_equal(rename(copy, folder), 0);
}

void folder_delete_files(fixture *f, const char *part)
{
    for (const char *path; (path = folder_find(f, part));)
        assert_int_equal(remove(path), 0);
}
