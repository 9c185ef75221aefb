/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/torture/replay_writes.c -- what a disk may hold if the power is cut within a trace of traced_writes.c.
 *
 *     replay_writes LOG count                 how many calls the trace has
 *     replay_writes LOG CALLS STATE FOLDER    makes FOLDER as it may be after the first CALLS of them; prints a hash of it
 *
 * STATE says what of the calls had reached the disk. A disk promises only what
 * was synced; the rest may be there or not:
 *
 *     all     everything: the process was killed, the system lived on
 *     half    everything, but of the last write only the first half
 *     bytes   all names, but of the bytes only what fsync had put there: the file that was renamed too early is empty
 *     names   the bytes that were synced under the names that the folders' fsync had put there
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAMES = 4096, FILES = 4096, ROOM = 4096 };

typedef struct {
    unsigned long long id;
    char *bytes[2]; /* as written; as synced */
    size_t size[2];
} File;

typedef struct {
    char path[ROOM];
    File *file; /* NULL: a folder */
} Name;

/* A folder's entries change in order; those behind its last sync may be lost. */
typedef struct {
    Name now[NAMES], synced[NAMES];
    size_t n_now, n_synced;
    File files[FILES];
    size_t n_files;
} Disk;

static void die(const char *what, const char *more)
{
    fprintf(stderr, "replay_writes: %s%s\n", what, more);
    exit(2);
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

/* Inodes are used again after a file is gone: the last one with the number counts. */
static File *file_of(Disk *d, unsigned long long id)
{
    for (size_t i = d->n_files; i-- > 0;)
        if (d->files[i].id == id)
            return &d->files[i];
    return NULL;
}

static void resize(File *f, size_t size)
{
    if (size > f->size[0]) {
        f->bytes[0] = realloc(f->bytes[0], size);
        if (!f->bytes[0])
            die("out of memory", "");
        memset(f->bytes[0] + f->size[0], 0, size - f->size[0]);
    }
    f->size[0] = size;
}

static void sync_file(File *f)
{
    free(f->bytes[1]);
    f->bytes[1] = malloc(f->size[0] + 1);
    if (!f->bytes[1])
        die("out of memory", "");
    memcpy(f->bytes[1], f->bytes[0] ? f->bytes[0] : "", f->size[0]);
    f->size[1] = f->size[0];
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

static Name *name_of(Name *names, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i].path, path) == 0)
            return &names[i];
    return NULL;
}

static void set_name(Name *names, size_t *n, const char *path, File *file)
{
    Name *name = name_of(names, *n, path);
    if (!name && *n == NAMES)
        die("too many names: ", path);
    if (!name)
        name = &names[(*n)++];
    snprintf(name->path, ROOM, "%s", path);
    name->file = file;
}

static void drop_name(Name *names, size_t *n, const char *path)
{
    Name *name = name_of(names, *n, path);
    if (name)
        *name = names[--*n];
}

static bool is_in(const char *path, const char *folder)
{
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) : 0;
    return strcmp(folder, ".") == 0 ? !slash : strlen(folder) == n && strncmp(path, folder, n) == 0;
}

static void sync_folder(Disk *d, const char *folder)
{
    for (size_t i = d->n_synced; i-- > 0;)
        if (is_in(d->synced[i].path, folder))
            d->synced[i] = d->synced[--d->n_synced];
    for (size_t i = 0; i < d->n_now; i++)
        if (is_in(d->now[i].path, folder))
            set_name(d->synced, &d->n_synced, d->now[i].path, d->now[i].file);
}

static void sync_disk(Disk *d)
{
    for (size_t i = 0; i < d->n_now; i++)
        if (d->now[i].file)
            sync_file(d->now[i].file);
    memcpy(d->synced, d->now, sizeof d->now);
    d->n_synced = d->n_now;
}

/* ---- calls --------------------------------------------------------------------------------------------------------- */

static void take_write(Disk *d, FILE *log, unsigned long long id, size_t offset, size_t size, bool half)
{
    File *f = file_of(d, id);
    char *bytes = malloc(size + 1);
    if (!bytes || fread(bytes, 1, size, log) != size)
        die("the trace ends within a write", "");
    if (half)
        size /= 2;
    if (f && offset + size > f->size[0])
        resize(f, offset + size);
    if (f)
        memcpy(f->bytes[0] + offset, bytes, size);
    free(bytes);
}

static void take_create(Disk *d, unsigned long long id, const char *path)
{
    if (d->n_files == FILES)
        die("too many files: ", path);
    File *f = &d->files[d->n_files++];
    *f = (File){ .id = id };
    set_name(d->now, &d->n_now, path, f);
}

static void take_link(Disk *d, const char *old, const char *new)
{
    const Name *name = name_of(d->now, d->n_now, old);
    if (name)
        set_name(d->now, &d->n_now, new, name->file);
}

static void take_rename(Disk *d, const char *old, const char *new)
{
    take_link(d, old, new);
    drop_name(d->now, &d->n_now, old);
}

/* One record; false at the end. The last of those that count may be half done. */
static bool take(Disk *d, FILE *log, bool half)
{
    char line[2 * ROOM + 64], a[ROOM], b[ROOM];
    unsigned long long id;
    size_t offset, size;
    if (!fgets(line, sizeof line, log))
        return false;
    if (sscanf(line, "write %llu %zu %zu", &id, &offset, &size) == 3)
        take_write(d, log, id, offset, size, half);
    else if (sscanf(line, "create %llu %4095[^\n]", &id, a) == 2)
        take_create(d, id, a);
    else if (sscanf(line, "size %llu %zu", &id, &size) == 2 && file_of(d, id))
        resize(file_of(d, id), size);
    else if (sscanf(line, "sync %llu", &id) == 1 && file_of(d, id))
        sync_file(file_of(d, id));
    else if (sscanf(line, "link %4095s %4095s", a, b) == 2)
        take_link(d, a, b);
    else if (sscanf(line, "rename %4095s %4095s", a, b) == 2)
        take_rename(d, a, b);
    else if (sscanf(line, "remove %4095[^\n]", a) == 1)
        drop_name(d->now, &d->n_now, a);
    else if (sscanf(line, "folder %4095[^\n]", a) == 1)
        set_name(d->now, &d->n_now, a, NULL);
    else if (sscanf(line, "syncfolder %4095[^\n]", a) == 1)
        sync_folder(d, a);
    else if (strcmp(line, "syncdisk\n") == 0)
        sync_disk(d);
    return true;
}

/* ---- the folder ---------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    return hash;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *out = fopen(path, "wb");
    if (!out || (size && fwrite(bytes, 1, size, out) != size) || fclose(out) != 0)
        die("cannot write ", path);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const Name *)a)->path, ((const Name *)b)->path);
}

/* Sorted, so that a folder comes before what is in it. What is in a folder that is not there is lost. */
static uint64_t make_folder(Name *names, size_t n, int version, const char *folder)
{
    char path[2 * ROOM];
    uint64_t hash = UINT64_C(14695981039346656037);
    qsort(names, n, sizeof *names, by_path);
    mkdir(folder, 0777);
    for (size_t i = 0; i < n; i++) {
        const File *f = names[i].file;
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, names[i].path);
        *strrchr(path, '/') = 0;
        if (stat(path, &info) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, names[i].path);
        hash = hash_of(hash, names[i].path, strlen(names[i].path) + 1);
        if (f)
            hash = hash_of(hash, f->bytes[version], f->size[version]);
        if (f)
            write_file(path, f->bytes[version], f->size[version]);
        else
            mkdir(path, 0777);
    }
    return hash;
}

int main(int argc, char **argv)
{
    static Disk disk;
    FILE *log = argc > 2 ? fopen(argv[1], "rb") : NULL;
    long calls = 0;
    if (!log)
        die("want LOG count, or LOG CALLS STATE FOLDER", "");
    if (argc == 3) {
        while (take(&disk, log, false))
            calls++;
        printf("%ld\n", calls);
        return 0;
    }
    if (argc != 5)
        die("want LOG CALLS STATE FOLDER", "");
    calls = strtol(argv[2], NULL, 10);
    const char *state = argv[3];
    for (long i = 1; i <= calls; i++)
        take(&disk, log, i == calls && strcmp(state, "half") == 0);
    const bool names = strcmp(state, "names") == 0, bytes = names || strcmp(state, "bytes") == 0;
    const uint64_t hash = make_folder(names ? disk.synced : disk.now, names ? disk.n_synced : disk.n_now, bytes, argv[4]);
    printf("%016" PRIx64 "\n", hash);
    fclose(log);
    return 0;
}
