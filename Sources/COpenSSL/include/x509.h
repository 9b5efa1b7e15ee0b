#ifndef COPENSSL_X509_H
#define COPENSSL_X509_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

// A new private key on the curve P-256; NULL on failure.
EVP_PKEY *copenssl_make_p256_key(void);

// A certificate for `key`, signed by it with SHA-256.
//   serial: 16 bytes; the first bit is cleared.
//   common_name: at most 64 bytes (RFC 5280, ub-common-name).
//   alternative_names: in OpenSSL's form, for example "DNS:localhost,IP:127.0.0.1"; the caller vouches for its parts.
//   not_before, not_after: seconds since 1970.
X509 *copenssl_make_certificate(
    EVP_PKEY *key, const uint8_t serial[16], const char *common_name, const char *alternative_names, int64_t not_before,
    int64_t not_after);

// PEM text into `bytes` (owned by the caller, free with copenssl_free); returns its count, 0 on failure.
size_t copenssl_certificate_to_pem(X509 *certificate, uint8_t **bytes);
size_t copenssl_key_to_pem(EVP_PKEY *key, uint8_t **bytes);
size_t copenssl_public_key_to_pem(EVP_PKEY *key, uint8_t **bytes);
void copenssl_free(void *bytes, size_t count);

// The certificates of a PEM text, in order; returns how many, at most `capacity`, or -1 if one is broken.
int copenssl_certificates_from_pem(const uint8_t *bytes, size_t count, X509 **certificates, int capacity);
// The first private key; NULL if there is none or it is encrypted.
EVP_PKEY *copenssl_key_from_pem(const uint8_t *bytes, size_t count);

// SHA-256 of the DER form; returns 1 for success.
int copenssl_certificate_fingerprint(const X509 *certificate, uint8_t digest[32]);
// Seconds since 1970 of the end of validity; 0 if it cannot be told.
int64_t copenssl_certificate_not_after(const X509 *certificate);
// Whether the certificate is for that DNS name, wildcards as in RFC 6125.
int copenssl_certificate_matches_name(X509 *certificate, const char *name, size_t count);

#endif
