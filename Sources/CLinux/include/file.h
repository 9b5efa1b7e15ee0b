#ifndef CLINUX_FILE_H
#define CLINUX_FILE_H

// Files and block devices. Functions return 0, or -1 with `errno`, where nothing else is said.

#include <stddef.h>
#include <stdint.h>

// Opens for reading and writing, closed on exec; with `create` it is made (mode 0600) if missing. Returns a descriptor.
int clinux_file_open(const char *path, int create);
// Takes the file for this process alone; fails with EWOULDBLOCK if another open file description holds it.
int clinux_file_lock(int descriptor);
// Bytes of a regular file or block device, or -1.
int64_t clinux_file_size(int descriptor);
// Bytes the file system keeps for the file, or -1.
int64_t clinux_file_allocated(int descriptor);
// Reads exactly `count` bytes; end of file is EIO.
int clinux_file_read(int descriptor, void *bytes, size_t count, uint64_t offset);
// Writes exactly `count` bytes, in pieces of at most `piece` bytes.
int clinux_file_write(int descriptor, const void *bytes, size_t count, uint64_t offset, size_t piece);
// Makes what was written durable, with the metadata needed to read it back.
int clinux_file_flush(int descriptor);
// Gives a range back to the file system; it reads as zeros.
int clinux_file_punch(int descriptor, uint64_t offset, uint64_t count);
// Makes a file of `size` bytes longer, with space for every byte; leaves it as it was if there is not enough. Where the
// file system cannot reserve space the file only gets longer.
int clinux_file_extend(int descriptor, uint64_t size, uint64_t new_size);
// Reserves space for a range within the file; does nothing where the file system cannot.
int clinux_file_reserve(int descriptor, uint64_t offset, uint64_t count);
// Opens the same file for writing past the page cache. Returns a descriptor, or -1 where that is not possible.
int clinux_file_reopen_direct(int descriptor);
// Makes the directory entries of the directory that holds `path` durable.
int clinux_directory_flush(const char *path);
int clinux_file_close(int descriptor);

#endif
