#include "checksum.h"

#include <string.h>

static uint32_t table_entry(uint32_t index) {
    for (int bit = 0; bit < 8; bit++) {
        index = (index >> 1) ^ (0x82F63B78u & (0u - (index & 1u)));
    }
    return index;
}

uint32_t viaduct_crc32c_portable(uint32_t seed, const void *bytes, size_t count) {
    const unsigned char *cursor = bytes;
    uint32_t crc = ~seed;
    while (count-- > 0) {
        crc = (crc >> 8) ^ table_entry((crc ^ *cursor++) & 0xFFu);
    }
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2")))
static uint32_t crc32c_sse42(uint32_t seed, const void *bytes, size_t count) {
    const unsigned char *cursor = bytes;
    uint64_t crc = (uint32_t)~seed;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, cursor, sizeof word);
        crc = __builtin_ia32_crc32di(crc, word);
        cursor += 8;
        count -= 8;
    }
    uint32_t tail = (uint32_t)crc;
    while (count-- > 0) {
        tail = __builtin_ia32_crc32qi(tail, *cursor++);
    }
    return ~tail;
}

uint32_t viaduct_crc32c(uint32_t seed, const void *bytes, size_t count) {
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_sse42(seed, bytes, count);
    }
    return viaduct_crc32c_portable(seed, bytes, count);
}

#else

uint32_t viaduct_crc32c(uint32_t seed, const void *bytes, size_t count) {
    return viaduct_crc32c_portable(seed, bytes, count);
}

#endif
