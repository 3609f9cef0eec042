/* Journals what a program does to the files below one directory, so that a power cut at any moment can be replayed.
 *
 * Preloaded into the program. POWERCUT_ROOT is the directory, POWERCUT_JOURNAL the file that is appended to. Writes to
 * standard output are journalled as acknowledgements. shim.py reads the journal and describes the record.
 *
 * Every call is carried out and journalled under one lock, so the journal's order is the kernel's, except syncs: they
 * get a record before and one after, since what is written while a sync runs is not promised by it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS 4096
#define PATH_SIZE 4096

struct __attribute__((packed)) record {
    char operation;
    int32_t process, descriptor;
    int64_t offset, size;
    uint16_t path_size, second_size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char tracked[DESCRIPTORS];
static const char *root;
static size_t root_size;
static int journal = -1;

static void hold(void) { pthread_mutex_lock(&lock); }
static void let_go(void) { pthread_mutex_unlock(&lock); }

__attribute__((constructor)) static void begin(void) {
    pthread_atfork(hold, let_go, let_go);
    const char *path = getenv("POWERCUT_JOURNAL");
    root = getenv("POWERCUT_ROOT");
    if (!root || !path) return;
    root_size = strlen(root);
    int opened = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* High up, out of the way of programs that close or reuse low descriptors. */
    journal = (int)syscall(SYS_fcntl, opened, F_DUPFD_CLOEXEC, 1000);
    syscall(SYS_close, opened);
}


static void append(char operation, int descriptor, int64_t offset, const char *path, const char *second,
                   const void *data, int64_t size) {
    int kept = errno;
    struct record head = {operation, getpid(), descriptor, offset, size,
                          path ? strlen(path) : 0, second ? strlen(second) : 0};
    struct iovec parts[4] = {{&head, sizeof head},
                             {(void *)path, head.path_size},
                             {(void *)second, head.second_size},
                             {(void *)data, data ? (size_t)size : 0}};
    if (journal >= 0 && syscall(SYS_writev, journal, parts, 4) < 0) abort();
    errno = kept;
}

static int is_tracked(int descriptor) {
    return journal >= 0 && descriptor >= 0 && descriptor < DESCRIPTORS && tracked[descriptor];
}

/* Puts the absolute form of `path` into `out`; returns whether it lies in the directory and is to be journalled. */
static int ours(int directory, const char *path, char *out) {
    if (journal < 0 || !path) return 0;
    if (path[0] == '/') {
        snprintf(out, PATH_SIZE, "%s", path);
    } else {
        char base[PATH_SIZE] = "", link[64];
        if (directory == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
            ssize_t got = readlink(link, base, sizeof base - 1);
            if (got < 0) return 0;
            base[got] = 0;
        }
        if ((size_t)snprintf(out, PATH_SIZE, "%s/%s", base, path) >= PATH_SIZE) return 0;
    }
    size_t size = strlen(out);
    /* SQLite rebuilds its shared index from the log; it is never meant to be durable. */
    if (size > 4 && !strcmp(out + size - 4, "-shm")) return 0;
    return !strncmp(out, root, root_size) && (out[root_size] == '/' || !out[root_size]);
}

static int open_at(int directory, const char *path, int flags, mode_t mode) {
    char full[PATH_SIZE];
    int mine = ours(directory, path, full);
    pthread_mutex_lock(&lock);
    struct stat before;
    int existed = mine && fstatat(AT_FDCWD, full, &before, 0) == 0;
    int descriptor = (int)syscall(SYS_openat, directory, path, flags, mode);
    if (descriptor >= 0 && descriptor < DESCRIPTORS) tracked[descriptor] = (char)mine;
    if (descriptor >= 0 && mine) {
        struct stat now;
        fstat(descriptor, &now);
        append('O', descriptor, existed ? 0 : 1, full, S_ISDIR(now.st_mode) ? "directory" : NULL, NULL, 0);
        if (existed && (flags & O_TRUNC)) append('T', descriptor, 0, NULL, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return descriptor;
}

#define OPEN_BODY(directory)                                    \
    mode_t mode = 0;                                            \
    if (flags & (O_CREAT | __O_TMPFILE)) {                      \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode = va_arg(rest, mode_t);                            \
        va_end(rest);                                           \
    }                                                           \
    return open_at(directory, path, flags, mode);

int open(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD) }
int open64(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD) }
int openat(int directory, const char *path, int flags, ...) { OPEN_BODY(directory) }
int openat64(int directory, const char *path, int flags, ...) { OPEN_BODY(directory) }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int descriptor) {
    pthread_mutex_lock(&lock);
    if (descriptor >= 0 && descriptor < DESCRIPTORS) tracked[descriptor] = 0;
    int result = (int)syscall(SYS_close, descriptor);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int descriptor, const void *data, size_t size) {
    if (journal < 0 || (descriptor != 1 && !is_tracked(descriptor)))
        return syscall(SYS_write, descriptor, data, size);
    pthread_mutex_lock(&lock);
    ssize_t written = syscall(SYS_write, descriptor, data, size);
    if (written > 0 && descriptor == 1)
        append('A', 1, 0, NULL, NULL, data, written);
    else if (written > 0)
        append('W', descriptor, lseek(descriptor, 0, SEEK_CUR) - written, NULL, NULL, data, written);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    if (!is_tracked(descriptor)) return syscall(SYS_pwrite64, descriptor, data, size, offset);
    pthread_mutex_lock(&lock);
    ssize_t written = syscall(SYS_pwrite64, descriptor, data, size, offset);
    if (written > 0) append('W', descriptor, offset, NULL, NULL, data, written);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    return pwrite64(descriptor, data, size, offset);
}

int ftruncate64(int descriptor, off64_t size) {
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_ftruncate, descriptor, size);
    if (!result && is_tracked(descriptor)) append('T', descriptor, size, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

static int synced(int descriptor, long call) {
    if (!is_tracked(descriptor)) return (int)syscall(call, descriptor);
    pthread_mutex_lock(&lock);
    append('s', descriptor, 0, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    int result = (int)syscall(call, descriptor);
    pthread_mutex_lock(&lock);
    if (!result) append('S', descriptor, 0, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int descriptor) { return synced(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return synced(descriptor, SYS_fdatasync); }

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    char source[PATH_SIZE], target[PATH_SIZE];
    int mine = ours(from_directory, from, source), theirs = ours(to_directory, to, target);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 0);
    if (!result && (mine || theirs)) append(mine && theirs ? 'R' : 'X', -1, 0, source, target, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    char source[PATH_SIZE], target[PATH_SIZE];
    int mine = ours(from_directory, from, source), theirs = ours(to_directory, to, target);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_linkat, from_directory, from, to_directory, to, flags);
    if (!result && (mine || theirs)) append(mine && theirs ? 'L' : 'X', -1, 0, source, target, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int directory, const char *path, int flags) {
    char full[PATH_SIZE];
    int mine = ours(directory, path, full);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_unlinkat, directory, path, flags);
    if (!result && mine) append('U', -1, 0, full, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int directory, const char *path, mode_t mode) {
    char full[PATH_SIZE];
    int mine = ours(directory, path, full);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_mkdirat, directory, path, mode);
    if (!result && mine) append('D', -1, 0, full, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* What follows changes files in ways that the journal cannot tell: X makes the replay refuse it. */

void *mmap64(void *address, size_t size, int protection, int flags, int descriptor, off64_t offset) {
    if (is_tracked(descriptor) && (flags & MAP_SHARED) && (protection & PROT_WRITE))
        append('X', descriptor, 0, "a shared writable mapping", NULL, NULL, 0);
    return (void *)syscall(SYS_mmap, address, size, protection, flags, descriptor, offset);
}

void *mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset) {
    return mmap64(address, size, protection, flags, descriptor, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    if (is_tracked(descriptor)) append('X', descriptor, 0, "writev", NULL, NULL, 0);
    return syscall(SYS_writev, descriptor, parts, count);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size, unsigned flags) {
    if (is_tracked(to)) append('X', to, 0, "copy_file_range", NULL, NULL, 0);
    return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, size, flags);
}

int dup(int descriptor) {
    if (is_tracked(descriptor)) append('X', descriptor, 0, "dup", NULL, NULL, 0);
    return (int)syscall(SYS_dup, descriptor);
}

int truncate64(const char *path, off64_t size) {
    char full[PATH_SIZE];
    if (ours(AT_FDCWD, path, full)) append('X', -1, 0, "truncate by name", NULL, NULL, 0);
    return (int)syscall(SYS_truncate, path, size);
}

int truncate(const char *path, off_t size) { return truncate64(path, size); }
