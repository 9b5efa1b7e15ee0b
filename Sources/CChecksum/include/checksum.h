#ifndef VIADUCT_CHECKSUM_H
#define VIADUCT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// CRC32C (Castagnoli, reflected polynomial 0x82F63B78) of `count` bytes, continued from `seed` (0 at the start).
///
/// Source: RFC 3720 appendix B.4 (test vectors), RFC 9260 appendix A.
uint32_t viaduct_crc32c(uint32_t seed, const void *bytes, size_t count);

/// The same without processor support; the tests compare the two.
uint32_t viaduct_crc32c_portable(uint32_t seed, const void *bytes, size_t count);

#endif
