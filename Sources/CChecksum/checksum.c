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

// One checksum instruction takes three cycles and may start every cycle, so three parts are summed at a time and put
// together: the sum of a part followed by n zero bytes is a linear function of the sum, here by table for one n.
enum { LANE = 1360 };
static uint32_t after_lane[4][256];

__attribute__((constructor)) static void fill_after_lane(void) {
    uint32_t after_byte[256], of_bit[32];
    for (uint32_t value = 0; value < 256; value++) {
        after_byte[value] = table_entry(value);
    }
    for (int bit = 0; bit < 32; bit++) {
        uint32_t crc = 1u << bit;
        for (int count = 0; count < LANE; count++) {
            crc = (crc >> 8) ^ after_byte[crc & 0xFFu];
        }
        of_bit[bit] = crc;
    }
    for (int byte = 0; byte < 4; byte++) {
        for (uint32_t value = 0; value < 256; value++) {
            for (int bit = 0; bit < 8; bit++) {
                if (value >> bit & 1) {
                    after_lane[byte][value] ^= of_bit[8 * byte + bit];
                }
            }
        }
    }
}

static uint32_t shift_lane(uint32_t crc) {
    return after_lane[0][crc & 0xFF] ^ after_lane[1][crc >> 8 & 0xFF] ^ after_lane[2][crc >> 16 & 0xFF]
        ^ after_lane[3][crc >> 24];
}

__attribute__((target("sse4.2")))
static uint32_t crc32c_sse42(uint32_t seed, const void *bytes, size_t count) {
    const unsigned char *cursor = bytes;
    uint64_t crc = (uint32_t)~seed;
    while (count >= 3 * LANE) {
        uint64_t second = 0, third = 0;
        for (const unsigned char *end = cursor + LANE; cursor < end; cursor += 8) {
            uint64_t words[3];
            memcpy(&words[0], cursor, 8);
            memcpy(&words[1], cursor + LANE, 8);
            memcpy(&words[2], cursor + 2 * LANE, 8);
            crc = __builtin_ia32_crc32di(crc, words[0]);
            second = __builtin_ia32_crc32di(second, words[1]);
            third = __builtin_ia32_crc32di(third, words[2]);
        }
        crc = shift_lane(shift_lane((uint32_t)crc) ^ (uint32_t)second) ^ (uint32_t)third;
        cursor += 2 * LANE;
        count -= 3 * LANE;
    }
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
