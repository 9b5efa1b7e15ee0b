#define _GNU_SOURCE
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(CLINUX_READABLE == EPOLLIN, "readable");
_Static_assert(CLINUX_WRITABLE == EPOLLOUT, "writable");
_Static_assert(CLINUX_ERROR == EPOLLERR, "error");
_Static_assert(CLINUX_HANG_UP == EPOLLHUP, "hang up");
_Static_assert(CLINUX_PEER_CLOSED == EPOLLRDHUP, "peer closed");

int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int clinux_epoll_control(int queue, int operation, int descriptor, uint32_t events, uint64_t tag) {
    static const int operations[] = {EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL};
    if (operation < 0 || operation > 2) {
        errno = EINVAL;
        return -1;
    }
    struct epoll_event event = {.events = events, .data = {.u64 = tag}};
    return epoll_ctl(queue, operations[operation], descriptor, &event);
}

int clinux_epoll_wait(int queue, struct clinux_event *events, int capacity, int timeout_milliseconds) {
    enum { most = 256 };
    struct epoll_event ready[most];
    int count = epoll_wait(queue, ready, capacity < most ? capacity : most, timeout_milliseconds);
    for (int index = 0; index < count; index++) {
        events[index].events = ready[index].events;
        events[index].tag = ready[index].data.u64;
    }
    return count;
}

int clinux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int clinux_eventfd_signal(int descriptor) {
    uint64_t one = 1;
    return write(descriptor, &one, sizeof one) == sizeof one ? 0 : -1;
}

int clinux_eventfd_clear(int descriptor) {
    uint64_t count;
    return read(descriptor, &count, sizeof count) == sizeof count ? 0 : -1;
}

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t to_kernel(const struct clinux_address *address, union socket_address *out) {
    memset(out, 0, sizeof *out);
    if (address->is_ipv6) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(address->port);
        out->v6.sin6_scope_id = address->scope;
        memcpy(&out->v6.sin6_addr, address->bytes, 16);
        return sizeof out->v6;
    }
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(address->port);
    memcpy(&out->v4.sin_addr, address->bytes, 4);
    return sizeof out->v4;
}

static void from_kernel(const union socket_address *address, struct clinux_address *out) {
    memset(out, 0, sizeof *out);
    if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr)) {
        // RFC 4291 §2.5.5.2: an IPv4 peer of a socket for both.
        out->port = ntohs(address->v6.sin6_port);
        memcpy(out->bytes, address->v6.sin6_addr.s6_addr + 12, 4);
    } else if (address->any.sa_family == AF_INET6) {
        out->is_ipv6 = 1;
        out->port = ntohs(address->v6.sin6_port);
        out->scope = address->v6.sin6_scope_id;
        memcpy(out->bytes, &address->v6.sin6_addr, 16);
    } else if (address->any.sa_family == AF_INET) {
        out->port = ntohs(address->v4.sin_port);
        memcpy(out->bytes, &address->v4.sin_addr, 4);
    }
}

// The unspecified IPv6 address stands for IPv4 as well; any other one for itself.
static int takes_ipv6_only(const struct clinux_address *address) {
    static const uint8_t unspecified[16];
    return address->is_ipv6 && memcmp(address->bytes, unspecified, sizeof unspecified) != 0;
}

static int close_keeping_errno(int descriptor) {
    int saved = errno;
    close(descriptor);
    errno = saved;
    return -1;
}

static int set_flag(int descriptor, int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof value);
}

static int new_socket(const struct clinux_address *address) {
    int family = address->is_ipv6 ? AF_INET6 : AF_INET;
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

int clinux_listen(const struct clinux_address *address, int backlog) {
    int descriptor = new_socket(address);
    if (descriptor < 0) return -1;
    union socket_address local;
    socklen_t count = to_kernel(address, &local);
    if (set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) < 0
        || set_flag(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) < 0
        || set_flag(descriptor, IPPROTO_TCP, TCP_NODELAY, 1) < 0
        || (address->is_ipv6 && set_flag(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, takes_ipv6_only(address)) < 0)
        || bind(descriptor, &local.any, count) < 0
        || listen(descriptor, backlog) < 0)
        return close_keeping_errno(descriptor);
    return descriptor;
}

int clinux_probe(const struct clinux_address *address) {
    int descriptor = new_socket(address);
    if (descriptor < 0) return -1;
    union socket_address local;
    socklen_t count = to_kernel(address, &local);
    if (set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) < 0
        || (address->is_ipv6 && set_flag(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, takes_ipv6_only(address)) < 0)
        || bind(descriptor, &local.any, count) < 0)
        return close_keeping_errno(descriptor);
    return close(descriptor);
}

int clinux_local_address(int descriptor, struct clinux_address *address) {
    union socket_address local;
    socklen_t count = sizeof local;
    if (getsockname(descriptor, &local.any, &count) < 0) return -1;
    from_kernel(&local, address);
    return 0;
}

int clinux_accept(int descriptor, struct clinux_address *peer) {
    union socket_address remote;
    socklen_t count = sizeof remote;
    int accepted = accept4(descriptor, &remote.any, &count, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) from_kernel(&remote, peer);
    return accepted;
}

int clinux_connect(const struct clinux_address *address) {
    int descriptor = new_socket(address);
    if (descriptor < 0) return -1;
    union socket_address remote;
    socklen_t count = to_kernel(address, &remote);
    if (connect(descriptor, &remote.any, count) < 0 && errno != EINPROGRESS) return close_keeping_errno(descriptor);
    return descriptor;
}

int clinux_socket_error(int descriptor) {
    int error = 0;
    socklen_t count = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &count) < 0) return errno;
    return error;
}

int clinux_unacknowledged(int descriptor) {
    int count = 0;
    return ioctl(descriptor, SIOCOUTQ, &count) < 0 ? -1 : count;
}

int clinux_set_nodelay(int descriptor, int enabled) {
    return set_flag(descriptor, IPPROTO_TCP, TCP_NODELAY, enabled);
}

int clinux_set_keepalive(int descriptor, int idle_seconds) {
    if (set_flag(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1) < 0) return -1;
    return set_flag(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, idle_seconds);
}

ssize_t clinux_receive(int descriptor, void *bytes, size_t count) { return recv(descriptor, bytes, count, 0); }

ssize_t clinux_send(int descriptor, const void *bytes, size_t count) {
    return send(descriptor, bytes, count, MSG_NOSIGNAL);
}

_Static_assert(sizeof(struct clinux_part) == sizeof(struct iovec), "part");
_Static_assert(offsetof(struct clinux_part, count) == offsetof(struct iovec, iov_len), "part");

ssize_t clinux_send_parts(int descriptor, const struct clinux_part *parts, int count) {
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count};
    return sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

ssize_t clinux_send_two(int descriptor, const void *first, size_t first_count, const void *second, size_t second_count) {
    struct iovec parts[] = {{(void *)first, first_count}, {(void *)second, second_count}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

int clinux_shutdown_write(int descriptor) { return shutdown(descriptor, SHUT_WR); }

int clinux_close(int descriptor) { return close(descriptor); }

int clinux_reset(int descriptor) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    return close(descriptor);
}

size_t clinux_address_text(const struct clinux_address *address, char *text, size_t capacity) {
    int family = address->is_ipv6 ? AF_INET6 : AF_INET;
    if (inet_ntop(family, address->bytes, text, (socklen_t)capacity) == NULL) return 0;
    return strlen(text);
}

int clinux_address_parse(const char *text, struct clinux_address *address) {
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, address->bytes) == 1) return 1;
    if (inet_pton(AF_INET6, text, address->bytes) != 1) return 0;
    address->is_ipv6 = 1;
    return 1;
}

uint64_t clinux_descriptor_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 1024 : limit.rlim_cur;
}

uint64_t clinux_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return clinux_descriptor_limit();
}

int clinux_thread_id(void) { return (int)syscall(SYS_gettid); }

void *clinux_thread_identity(void) {
    static __thread char mark;
    return &mark;
}

int clinux_error(void) { return errno; }

int clinux_name_thread(const char *name) {
    char kept[16];
    strncpy(kept, name, sizeof kept - 1);
    kept[sizeof kept - 1] = 0;
    return pthread_setname_np(pthread_self(), kept);
}

int clinux_wait_condition(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t milliseconds) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t nanoseconds = end.tv_nsec + milliseconds % 1000 * 1000000;
    end.tv_sec += milliseconds / 1000 + nanoseconds / 1000000000;
    end.tv_nsec = nanoseconds % 1000000000;
    return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &end);
}

int clinux_pin_thread(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)processor, &set);
    return sched_setaffinity(0, sizeof set, &set);
}

int clinux_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0) return 1;
    return CPU_COUNT(&set);
}

int clinux_block_signals(void) {
    sigset_t set;
    sigfillset(&set);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t index = 0; index < sizeof faults / sizeof faults[0]; index++) sigdelset(&set, faults[index]);
    return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int clinux_random(void *bytes, size_t count) {
    uint8_t *next = bytes;
    while (count > 0) {
        ssize_t got = getrandom(next, count, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            return -1;
        }
        next += got;
        count -= (size_t)got;
    }
    return 0;
}

int clinux_host_name(char *name, size_t capacity) {
    if (gethostname(name, capacity) < 0) return -1;
    name[capacity - 1] = 0;
    return 0;
}
