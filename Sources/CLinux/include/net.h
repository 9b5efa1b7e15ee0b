#ifndef CLINUX_NET_H
#define CLINUX_NET_H

// Sockets, event queues and threads. Functions return what the system call returns: -1 with `errno` on failure.

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Readiness of one descriptor, as the kernel reports it. `tag` is what was registered.
struct clinux_event {
    uint32_t events;
    uint32_t reserved;
    uint64_t tag;
};

#define CLINUX_READABLE 0x001u
#define CLINUX_WRITABLE 0x004u
#define CLINUX_ERROR 0x008u
#define CLINUX_HANG_UP 0x010u
#define CLINUX_PEER_CLOSED 0x2000u

int clinux_epoll_create(void);
// operation: 0 adds, 1 changes, 2 removes.
int clinux_epoll_control(int queue, int operation, int descriptor, uint32_t events, uint64_t tag);
// At most `capacity` events; waits at most `timeout_milliseconds` (-1: for ever).
int clinux_epoll_wait(int queue, struct clinux_event *events, int capacity, int timeout_milliseconds);

// A counter that a queue can wait for. Non-blocking, closed on exec.
int clinux_eventfd(void);
int clinux_eventfd_signal(int descriptor);
int clinux_eventfd_clear(int descriptor);

// An address as the kernel wants it. IPv4 in `bytes[0..<4]`, IPv6 in all 16.
struct clinux_address {
    uint8_t bytes[16];
    uint16_t port;
    uint8_t is_ipv6;
    uint32_t scope;
};

// A bound, listening, non-blocking TCP socket with SO_REUSEADDR, SO_REUSEPORT and TCP_NODELAY (inherited by accepted
// sockets). One for the unspecified IPv6 address takes IPv4 peers too, who then have IPv4 addresses.
int clinux_listen(const struct clinux_address *address, int backlog);
// Returns 0 if nobody listens at the address, and -1 with errno (EADDRINUSE, EADDRNOTAVAIL, EACCES) if it cannot be
// had. SO_REUSEPORT alone would let a second server join the first one silently.
int clinux_probe(const struct clinux_address *address);
// The address a socket is bound to.
int clinux_local_address(int descriptor, struct clinux_address *address);
// Non-blocking, closed on exec; `peer` is filled.
int clinux_accept(int descriptor, struct clinux_address *peer);
// Begins to connect; the socket is non-blocking and the result arrives as writability (SO_ERROR).
int clinux_connect(const struct clinux_address *address);
int clinux_socket_error(int descriptor);
// Bytes sent and not acknowledged by the peer's system yet, or -1.
int clinux_unacknowledged(int descriptor);
int clinux_set_nodelay(int descriptor, int enabled);
// Kept alive by probes after `idle_seconds`.
int clinux_set_keepalive(int descriptor, int idle_seconds);

ssize_t clinux_receive(int descriptor, void *bytes, size_t count);
// Without SIGPIPE.
ssize_t clinux_send(int descriptor, const void *bytes, size_t count);
// One piece of what is sent in one call; laid out as the kernel's `struct iovec`.
struct clinux_part {
    const void *start;
    size_t count;
};
// All parts in one call (at most 1024), without SIGPIPE.
ssize_t clinux_send_parts(int descriptor, const struct clinux_part *parts, int count);
// Both parts in one call, without SIGPIPE.
ssize_t clinux_send_two(int descriptor, const void *first, size_t first_count, const void *second, size_t second_count);
int clinux_shutdown_write(int descriptor);
int clinux_close(int descriptor);
// Closes with a reset instead of an end.
int clinux_reset(int descriptor);

// Text of an address without port, at least 46 bytes of room; returns the count of bytes, 0 on failure.
size_t clinux_address_text(const struct clinux_address *address, char *text, size_t capacity);
// Parses a numeric IPv4 or IPv6 address; returns 1, or 0 if it is none.
int clinux_address_parse(const char *text, struct clinux_address *address);

// The soft limit of open descriptors.
uint64_t clinux_descriptor_limit(void);
// Raises the soft limit of open descriptors to the hard one and returns it.
uint64_t clinux_raise_descriptor_limit(void);

int clinux_thread_id(void);
// The same for every call of one thread, different from those of other live threads; never NULL.
void *clinux_thread_identity(void);
// errno of the calling thread.
int clinux_error(void);
// At most 15 bytes are kept.
int clinux_name_thread(const char *name);
// Waits at a condition by the monotonic clock. Returns 0, or ETIMEDOUT after so long.
int clinux_wait_condition(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t milliseconds);
// Pins the calling thread to one processor.
int clinux_pin_thread(int processor);
// Number of processors this process may run on.
int clinux_processor_count(void);
// Blocks all signals in the calling thread except those a fault raises; threads started by it inherit that.
int clinux_block_signals(void);

// Fills `bytes` from the kernel's generator; returns 0, or -1 with errno.
int clinux_random(void *bytes, size_t count);
// Name of this host; returns 0, or -1.
int clinux_host_name(char *name, size_t capacity);

#endif
