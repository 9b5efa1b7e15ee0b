#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int clinux_file_open(const char *path, int create) {
    int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0);
    int descriptor;
    do {
        descriptor = open(path, flags, 0600);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

int clinux_file_lock(int descriptor) {
    int result;
    do {
        result = flock(descriptor, LOCK_EX | LOCK_NB);
    } while (result < 0 && errno == EINTR);
    return result;
}

int64_t clinux_file_size(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) != 0) return -1;
    if (!S_ISBLK(status.st_mode)) return status.st_size;
    uint64_t bytes = 0;
    if (ioctl(descriptor, BLKGETSIZE64, &bytes) != 0) return -1;
    return (int64_t)bytes;
}

int64_t clinux_file_allocated(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) != 0) return -1;
    return (int64_t)status.st_blocks * 512;
}

int clinux_file_read(int descriptor, void *bytes, size_t count, uint64_t offset) {
    char *cursor = bytes;
    while (count > 0) {
        ssize_t got = pread(descriptor, cursor, count, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) {
            errno = EIO;
            return -1;
        }
        cursor += got;
        offset += (uint64_t)got;
        count -= (size_t)got;
    }
    return 0;
}

int clinux_file_write(int descriptor, const void *bytes, size_t count, uint64_t offset, size_t piece) {
    const char *cursor = bytes;
    while (count > 0) {
        ssize_t put = pwrite(descriptor, cursor, count < piece ? count : piece, (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        cursor += put;
        offset += (uint64_t)put;
        count -= (size_t)put;
    }
    return 0;
}

int clinux_file_flush(int descriptor) {
    return fdatasync(descriptor);
}

int clinux_file_punch(int descriptor, uint64_t offset, uint64_t count) {
    int result;
    do {
        result = fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)count);
    } while (result < 0 && errno == EINTR);
    return result;
}

int clinux_file_reserve(int descriptor, uint64_t offset, uint64_t count) {
    int result;
    do {
        result = fallocate(descriptor, 0, (off_t)offset, (off_t)count);
    } while (result < 0 && errno == EINTR);
    return result < 0 && (errno == EOPNOTSUPP || errno == ENOSYS) ? 0 : result;
}

static int resize(int descriptor, uint64_t size) {
    int result;
    do {
        result = ftruncate(descriptor, (off_t)size);
    } while (result < 0 && errno == EINTR);
    return result;
}

int clinux_file_extend(int descriptor, uint64_t size, uint64_t new_size) {
    if (clinux_file_reserve(descriptor, size, new_size - size) == 0) {
        return resize(descriptor, new_size);
    }
    // What was reserved before space ran out lies behind the old end.
    int error = errno;
    (void)resize(descriptor, size);
    errno = error;
    return -1;
}

int clinux_file_reopen_direct(int descriptor) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
}

int clinux_directory_flush(const char *path) {
    char *copy = strdup(path);
    if (copy == NULL) return -1;
    int descriptor = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (descriptor < 0) return -1;
    int result = fsync(descriptor);
    int saved = errno;
    close(descriptor);
    errno = saved;
    return result;
}

int clinux_file_close(int descriptor) {
    return close(descriptor);
}
