// A load generator for iSCSI targets on libiscsi: one case, one line of JSON.
//
//   cc -O2 -Wall -o iscsi-load iscsi-load.c -liscsi -lpthread
//   iscsi-load [-b BYTES] [-q COMMANDS] [-c CONNECTIONS] [-s SECONDS] [-1] [-d BYTES] [-i INITIATOR] [-p PID] URL CASE
//
// -b bytes per command (4096), -q commands in flight per connection (1), -c connections, one thread each (1), -s seconds
// (3), -1 cover the LUN once instead of running for a time, -d offset of a copy's destination beyond the middle of the
// LUN (0), -i name of the initiator, -p process whose processor time is divided by the commands.
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

enum { SECTOR_BYTES = 512 };

struct options {
    const char *url, *initiator, *process;
    size_t bytes, destination_shift;
    int depth, connections;
    double seconds;
    bool once;
};

static struct options options = {
    .initiator = "iqn.2026-01.com.viaduct:load", .bytes = 4096, .depth = 1, .connections = 1, .seconds = 3,
};

// Time

static uint64_t clock_nanoseconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t now(void) { return clock_nanoseconds(CLOCK_MONOTONIC); }

// Processor time of all threads of a process, from the scheduler's own accounting. Threads that ended are missing.
static uint64_t process_nanoseconds(const char *process)
{
    char pattern[64];
    glob_t found;
    uint64_t sum = 0;
    if (!process)
        return 0;
    snprintf(pattern, sizeof pattern, "/proc/%s/task/*/schedstat", process);
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        unsigned long long running;
        FILE *file = fopen(found.gl_pathv[i], "r");
        if (!file)
            continue;
        if (fscanf(file, "%llu", &running) == 1)
            sum += running;
        fclose(file);
    }
    globfree(&found);
    return sum;
}

// Latencies: 32 buckets per power of two, so that a percentile is right within 3 %.

enum { BUCKETS = 64 * 32 };

static int bucket(uint64_t nanoseconds)
{
    if (nanoseconds < 32)
        return (int)nanoseconds;
    int shift = 58 - __builtin_clzll(nanoseconds);
    return (shift + 1) * 32 + (int)((nanoseconds >> shift) & 31);
}

static double bucket_microseconds(int index)
{
    if (index < 32)
        return index / 1e3;
    return (double)((uint64_t)(32 + index % 32) << (index / 32 - 1)) / 1e3;
}

static double percentile(const uint64_t *counts, uint64_t total, double part)
{
    uint64_t seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += counts[i];
        if (seen > 0 && (double)seen >= (double)total * part)
            return bucket_microseconds(i);
    }
    return 0;
}

// A connection and its commands

struct connection;

struct slot {
    struct connection *connection;
    uint64_t began;
    unsigned char *buffer;
    struct scsi_iovec vector;
};

struct connection {
    int number, lun;
    pthread_t thread;
    struct iscsi_context *iscsi;
    uint64_t blocks;
    uint32_t block_bytes;
    uint64_t random, next, first, last;
    uint64_t end;
    int in_flight;
    bool stopped;
    uint64_t done, lost, failed;
    uint64_t latencies[BUCKETS];
    char failure[160];
    // What COMPARE AND WRITE expects, and the LUN's name for EXTENDED COPY.
    unsigned char expected[SECTOR_BYTES];
    unsigned char name[16];
};

static uint64_t random_number(struct connection *c)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return c->random;
}

static uint32_t command_blocks(const struct connection *c) { return (uint32_t)(options.bytes / c->block_bytes); }

static uint64_t random_address(struct connection *c)
{
    uint32_t count = command_blocks(c);
    return random_number(c) % (c->blocks / count) * count;
}

// Each connection goes through a part of its own, and starts again at its end unless once is enough.
static bool next_address(struct connection *c, uint64_t *address)
{
    uint32_t count = command_blocks(c);
    if (c->next + count > c->last) {
        if (options.once)
            return false;
        c->next = c->first;
    }
    *address = c->next;
    c->next += count;
    return true;
}

static void completed(struct iscsi_context *iscsi, int status, void *data, void *context);

// Cases: each sends one command and returns its task, or NULL where there is nothing left to do.

static struct scsi_task *read_at(struct slot *s, uint64_t address)
{
    struct connection *c = s->connection;
    s->vector = (struct scsi_iovec){ s->buffer, options.bytes };
    return iscsi_read16_iov_task(c->iscsi, c->lun, address, options.bytes, c->block_bytes, 0, 0, 0, 0, 0, completed, s,
                                 &s->vector, 1);
}

static struct scsi_task *write_at(struct slot *s, uint64_t address)
{
    struct connection *c = s->connection;
    // No two writes alike: a target that compares would otherwise have less to do.
    for (size_t i = 0; i < options.bytes; i += SECTOR_BYTES)
        memcpy(s->buffer + i, &(uint64_t){ random_number(c) }, sizeof(uint64_t));
    return iscsi_write16_task(c->iscsi, c->lun, address, s->buffer, options.bytes, c->block_bytes, 0, 0, 0, 0, 0,
                              completed, s);
}

static struct scsi_task *read_random(struct slot *s) { return read_at(s, random_address(s->connection)); }
static struct scsi_task *write_random(struct slot *s) { return write_at(s, random_address(s->connection)); }

static struct scsi_task *read_sequential(struct slot *s)
{
    uint64_t address;
    return next_address(s->connection, &address) ? read_at(s, address) : NULL;
}

static struct scsi_task *write_sequential(struct slot *s)
{
    uint64_t address;
    return next_address(s->connection, &address) ? write_at(s, address) : NULL;
}

static struct scsi_task *test_unit_ready(struct slot *s)
{
    return iscsi_testunitready_task(s->connection->iscsi, s->connection->lun, completed, s);
}

static struct scsi_task *write_same(struct slot *s, int unmap)
{
    struct connection *c = s->connection;
    uint64_t address;
    if (!next_address(c, &address))
        return NULL;
    memset(s->buffer, 0, c->block_bytes);
    return iscsi_writesame16_task(c->iscsi, c->lun, address, s->buffer, c->block_bytes, command_blocks(c), 0, unmap, 0, 0,
                                  completed, s);
}

static struct scsi_task *write_same_zero(struct slot *s) { return write_same(s, 0); }
static struct scsi_task *write_same_unmap(struct slot *s) { return write_same(s, 1); }

static struct scsi_task *unmap(struct slot *s)
{
    struct connection *c = s->connection;
    struct unmap_list range = { .num = command_blocks(c) };
    return next_address(c, &range.lba) ? iscsi_unmap_task(c->iscsi, c->lun, 0, 0, &range, 1, completed, s) : NULL;
}

// COMPARE AND WRITE as a host takes a lock: the block holds a counter, and whoever wins adds one to it.
static struct scsi_task *compare_and_write(struct slot *s, uint64_t address)
{
    struct connection *c = s->connection;
    uint64_t counter;
    memcpy(&counter, c->expected, sizeof counter);
    counter++;
    memcpy(s->buffer, c->expected, SECTOR_BYTES);
    memcpy(s->buffer + SECTOR_BYTES, c->expected, SECTOR_BYTES);
    memcpy(s->buffer + SECTOR_BYTES, &counter, sizeof counter);
    return iscsi_compareandwrite_task(c->iscsi, c->lun, address, s->buffer, 2 * SECTOR_BYTES, SECTOR_BYTES, 0, 0, 0, 0, 0,
                                      completed, s);
}

static struct scsi_task *lock_own(struct slot *s) { return compare_and_write(s, 1 + (uint64_t)s->connection->number); }
static struct scsi_task *lock_shared(struct slot *s) { return compare_and_write(s, 0); }

static void put_big(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
}

// EXTENDED COPY (LID1, SPC-4 6.4.3): one target descriptor E4h for both ends, one segment descriptor 02h. From the first
// half of the LUN to the second.
static struct scsi_task *copy(struct slot *s)
{
    struct connection *c = s->connection;
    unsigned char *list = s->buffer, *target = list + 16, *segment = target + 32;
    uint64_t from, to;
    if (!next_address(c, &from))
        return NULL;
    to = c->blocks / 2 + (from + options.destination_shift / c->block_bytes) % (c->blocks / 2 - command_blocks(c) + 1);
    memset(list, 0, 16 + 32 + 28);
    list[1] = 0x18; // no list identifier
    put_big(list + 2, 32, 2);
    put_big(list + 8, 28, 4);
    target[0] = 0xE4;
    target[4] = 1; // binary
    target[5] = 3; // NAA
    target[7] = sizeof c->name;
    memcpy(target + 8, c->name, sizeof c->name);
    put_big(target + 29, c->block_bytes, 3);
    segment[0] = 0x02;
    segment[1] = 0x02; // counts in blocks of the destination
    put_big(segment + 2, 24, 2);
    put_big(segment + 10, command_blocks(c), 2);
    put_big(segment + 12, from, 8);
    put_big(segment + 20, to, 8);
    struct iscsi_data data = { .size = 16 + 32 + 28, .data = list };
    return iscsi_extended_copy_task(c->iscsi, c->lun, &data, completed, s);
}

static const struct benchmark {
    const char *name;
    struct scsi_task *(*send)(struct slot *);
    bool locks, copies;
} benchmarks[] = {
    { "read-random", read_random, false, false },
    { "write-random", write_random, false, false },
    { "read-sequential", read_sequential, false, false },
    { "write-sequential", write_sequential, false, false },
    { "test-unit-ready", test_unit_ready, false, false },
    { "write-same-zero", write_same_zero, false, false },
    { "write-same-unmap", write_same_unmap, false, false },
    { "unmap", unmap, false, false },
    { "lock-own", lock_own, true, false },
    { "lock-shared", lock_shared, true, false },
    { "copy", copy, false, true },
};

static const struct benchmark *benchmark;

static uint64_t lock_address(const struct connection *c)
{
    return benchmark->send == lock_shared ? 0 : 1 + (uint64_t)c->number;
}

static void send_next(struct slot *s)
{
    struct connection *c = s->connection;
    if (c->stopped || (!options.once && now() >= c->end))
        return;
    s->began = now();
    if (benchmark->send(s))
        c->in_flight++;
    else if (!options.once) {
        c->failed++;
        c->stopped = true;
        snprintf(c->failure, sizeof c->failure, "not sent: %s", iscsi_get_error(c->iscsi));
    }
}

// The lock is somebody else's: look at the block again, then try again.
static void looked(struct iscsi_context *iscsi, int status, void *data, void *context)
{
    struct scsi_task *task = data;
    struct slot *s = context;
    (void)iscsi;
    s->connection->in_flight--;
    if (status == SCSI_STATUS_GOOD && task->datain.size >= SECTOR_BYTES)
        memcpy(s->connection->expected, task->datain.data, SECTOR_BYTES);
    scsi_free_scsi_task(task);
    send_next(s);
}

static void completed(struct iscsi_context *iscsi, int status, void *data, void *context)
{
    struct scsi_task *task = data;
    struct slot *s = context;
    struct connection *c = s->connection;
    c->in_flight--;
    c->latencies[bucket(now() - s->began)]++;
    if (status == SCSI_STATUS_GOOD) {
        c->done++;
        if (benchmark->locks)
            memcpy(c->expected, s->buffer + SECTOR_BYTES, SECTOR_BYTES);
    } else if (status == SCSI_STATUS_CHECK_CONDITION && task->sense.key == SCSI_SENSE_MISCOMPARE) {
        c->lost++;
        scsi_free_scsi_task(task);
        iscsi_read16_task(iscsi, c->lun, lock_address(c), SECTOR_BYTES, SECTOR_BYTES, 0, 0, 0, 0, 0, looked, s);
        c->in_flight++;
        return;
    } else {
        c->failed++;
        c->stopped = true;
        snprintf(c->failure, sizeof c->failure, "status %d, sense %x/%04x %s", status, task ? task->sense.key : 0,
                 task ? task->sense.ascq : 0, iscsi_get_error(iscsi));
    }
    if (task)
        scsi_free_scsi_task(task);
    send_next(s);
}

// Coming and going

static void give_up(const char *what, struct connection *c)
{
    fprintf(stderr, "%s: %s\n", what, iscsi_get_error(c->iscsi));
    exit(1);
}

static uint64_t read_counter(struct connection *c)
{
    uint64_t counter;
    struct scsi_task *task =
        iscsi_read16_sync(c->iscsi, c->lun, lock_address(c), SECTOR_BYTES, SECTOR_BYTES, 0, 0, 0, 0, 0);
    if (!task || task->status != SCSI_STATUS_GOOD)
        give_up("reading the counter", c);
    memcpy(c->expected, task->datain.data, SECTOR_BYTES);
    memcpy(&counter, c->expected, sizeof counter);
    scsi_free_scsi_task(task);
    return counter;
}

static void read_name(struct connection *c)
{
    struct scsi_task *task =
        iscsi_inquiry_sync(c->iscsi, c->lun, 1, SCSI_INQUIRY_PAGECODE_DEVICE_IDENTIFICATION, 255);
    struct scsi_inquiry_device_identification *page = task ? scsi_datain_unmarshall(task) : NULL;
    struct scsi_inquiry_device_designator *one = page ? page->designators : NULL;
    while (one && !(one->designator_type == SCSI_DESIGNATOR_TYPE_NAA && one->designator_length == sizeof c->name))
        one = one->next;
    if (!one)
        give_up("no NAA name of 16 bytes", c);
    memcpy(c->name, one->designator, sizeof c->name);
    scsi_free_scsi_task(task);
}

static void connect_to_target(struct connection *c)
{
    char initiator[128];
    snprintf(initiator, sizeof initiator, "%s", options.initiator);
    c->iscsi = iscsi_create_context(initiator);
    struct iscsi_url *url = c->iscsi ? iscsi_parse_full_url(c->iscsi, options.url) : NULL;
    if (!url)
        give_up("address", c);
    iscsi_set_session_type(c->iscsi, ISCSI_SESSION_NORMAL);
    iscsi_set_header_digest(c->iscsi, ISCSI_HEADER_DIGEST_NONE);
    iscsi_set_targetname(c->iscsi, url->target);
    // Sessions of one initiator differ in their identifiers.
    iscsi_set_isid_random(c->iscsi, (uint32_t)random_number(c) & 0xFFFFFF, (uint32_t)c->number);
    c->lun = url->lun;
    if (iscsi_full_connect_sync(c->iscsi, url->portal, url->lun) != 0)
        give_up("connecting", c);
    iscsi_destroy_url(url);
    struct scsi_task *task = iscsi_readcapacity16_sync(c->iscsi, c->lun);
    struct scsi_readcapacity16 *capacity = task ? scsi_datain_unmarshall(task) : NULL;
    if (!capacity)
        give_up("capacity", c);
    c->blocks = capacity->returned_lba + 1;
    c->block_bytes = capacity->block_length;
    scsi_free_scsi_task(task);
    // Sources of copies lie in the first half.
    uint64_t span = (benchmark->copies ? c->blocks / 2 : c->blocks) / (uint64_t)options.connections;
    span -= span % command_blocks(c);
    c->first = c->next = span * (uint64_t)c->number;
    c->last = c->first + span;
    if (benchmark->copies)
        read_name(c);
}

static pthread_barrier_t start_line;

static void *work(void *context)
{
    struct connection *c = context;
    pthread_barrier_wait(&start_line);
    c->end = now() + (uint64_t)(options.seconds * 1e9);
    // A lock is taken by one command at a time.
    int depth = benchmark->locks ? 1 : options.depth;
    size_t bytes = options.bytes < 4096 ? 4096 : options.bytes;
    struct slot *slots = calloc((size_t)depth, sizeof *slots);
    for (int i = 0; i < depth; i++) {
        slots[i].connection = c;
        slots[i].buffer = malloc(bytes);
        for (size_t at = 0; at < bytes; at += sizeof(uint64_t))
            memcpy(slots[i].buffer + at, &(uint64_t){ random_number(c) }, sizeof(uint64_t));
        send_next(&slots[i]);
    }
    while (c->in_flight > 0) {
        struct pollfd ready = { iscsi_get_fd(c->iscsi), (short)iscsi_which_events(c->iscsi), 0 };
        int count = poll(&ready, 1, 30000);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0 || iscsi_service(c->iscsi, ready.revents) < 0) {
            c->failed++;
            snprintf(c->failure, sizeof c->failure, "%s", count == 0 ? "no answer for 30 s" : iscsi_get_error(c->iscsi));
            break;
        }
    }
    return NULL;
}

static void parse(int count, char **arguments)
{
    int letter;
    while ((letter = getopt(count, arguments, "b:q:c:s:1d:i:p:")) != -1)
        switch (letter) {
        case 'b': options.bytes = strtoull(optarg, NULL, 10); break;
        case 'q': options.depth = atoi(optarg); break;
        case 'c': options.connections = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case '1': options.once = true; break;
        case 'd': options.destination_shift = strtoull(optarg, NULL, 10); break;
        case 'i': options.initiator = optarg; break;
        case 'p': options.process = optarg; break;
        default: exit(2);
        }
    for (size_t i = 0; optind + 1 < count && i < sizeof benchmarks / sizeof *benchmarks; i++)
        if (strcmp(arguments[optind + 1], benchmarks[i].name) == 0)
            benchmark = &benchmarks[i];
    if (!benchmark || options.depth < 1 || options.connections < 1 || options.bytes < SECTOR_BYTES) {
        fprintf(stderr, "usage: iscsi-load [-b BYTES] [-q COMMANDS] [-c CONNECTIONS] [-s SECONDS] [-1] [-d BYTES] "
                        "[-i INITIATOR] [-p PID] URL CASE\ncases:");
        for (size_t i = 0; i < sizeof benchmarks / sizeof *benchmarks; i++)
            fprintf(stderr, " %s", benchmarks[i].name);
        fprintf(stderr, "\n");
        exit(2);
    }
    options.url = arguments[optind];
}

int main(int count, char **arguments)
{
    parse(count, arguments);
    struct connection *all = calloc((size_t)options.connections, sizeof *all);
    uint64_t counters = 0, latencies[BUCKETS] = { 0 }, done = 0, lost = 0, failed = 0;
    const char *failure = "";
    pthread_barrier_init(&start_line, NULL, (unsigned)options.connections + 1);
    for (int i = 0; i < options.connections; i++) {
        all[i].number = i;
        all[i].random = (uint64_t)(i + 1) * 0x9E3779B97F4A7C15u ^ now();
        connect_to_target(&all[i]);
        if (benchmark->locks) {
            uint64_t counter = read_counter(&all[i]);
            if (i == 0 || benchmark->send == lock_own)
                counters += counter;
        }
        pthread_create(&all[i].thread, NULL, work, &all[i]);
    }
    uint64_t client = clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID), server = process_nanoseconds(options.process);
    uint64_t began = now();
    pthread_barrier_wait(&start_line);
    for (int i = 0; i < options.connections; i++)
        pthread_join(all[i].thread, NULL);
    double seconds = (double)(now() - began) / 1e9;
    client = clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - client;
    server = process_nanoseconds(options.process) - server;

    uint64_t counted = 0;
    for (int i = 0; i < options.connections; i++) {
        done += all[i].done;
        lost += all[i].lost;
        failed += all[i].failed;
        for (int j = 0; j < BUCKETS; j++)
            latencies[j] += all[i].latencies[j];
        if (all[i].failure[0])
            failure = all[i].failure;
        if (benchmark->locks && (i == 0 || benchmark->send == lock_own))
            counted += read_counter(&all[i]);
        if (!all[i].failed)
            iscsi_logout_sync(all[i].iscsi);
    }
    double each = (double)(done + lost > 0 ? done + lost : 1);
    printf("{\"case\": \"%s\", \"bytes\": %zu, \"depth\": %d, \"connections\": %d, \"seconds\": %.3f, \"commands\": %llu, "
           "\"perSecond\": %.1f, \"bytesPerSecond\": %.0f, \"p50\": %.1f, \"p99\": %.1f, \"clientMicroseconds\": %.2f, "
           "\"serverMicroseconds\": %.2f, \"lost\": %llu, \"failed\": %llu",
           benchmark->name, options.bytes, options.depth, options.connections, seconds, (unsigned long long)done,
           (double)done / seconds, (double)done * (double)options.bytes / seconds,
           percentile(latencies, done + lost + failed, 0.5), percentile(latencies, done + lost + failed, 0.99),
           (double)client / 1e3 / each, (double)server / 1e3 / each, (unsigned long long)lost, (unsigned long long)failed);
    if (benchmark->locks)
        printf(", \"exact\": %s", counted - counters == done ? "true" : "false");
    printf(", \"failure\": \"%s\"}\n", failure);
    return failed > 0;
}
