#include "x509.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

EVP_PKEY *copenssl_make_p256_key(void) { return EVP_EC_gen("P-256"); }

static int add_extension(X509 *certificate, X509V3_CTX *context, int identifier, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, context, identifier, value);
    if (extension == NULL) return 0;
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static int set_serial(X509 *certificate, const uint8_t serial[16]) {
    uint8_t positive[16];
    memcpy(positive, serial, sizeof positive);
    positive[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(positive, sizeof positive, NULL);
    int set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return set;
}

static int set_names(X509 *certificate, const char *common_name) {
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0)
        && X509_set_issuer_name(certificate, name);
}

static int set_extensions(X509 *certificate, const char *alternative_names) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    return add_extension(certificate, &context, NID_basic_constraints, "critical,CA:FALSE")
        && add_extension(certificate, &context, NID_key_usage, "critical,digitalSignature")
        && add_extension(certificate, &context, NID_ext_key_usage, "serverAuth")
        && add_extension(certificate, &context, NID_subject_key_identifier, "hash")
        // Of itself, after the key identifier that it repeats: CA/Browser Forum verifiers want it on every leaf.
        && add_extension(certificate, &context, NID_authority_key_identifier, "keyid:always")
        && add_extension(certificate, &context, NID_subject_alt_name, alternative_names);
}

X509 *copenssl_make_certificate(
    EVP_PKEY *key, const uint8_t serial[16], const char *common_name, const char *alternative_names, int64_t not_before,
    int64_t not_after) {
    X509 *certificate = X509_new();
    if (certificate == NULL) return NULL;
    if (X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate, serial)
        && ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)not_before) != NULL
        && ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)not_after) != NULL
        && X509_set_pubkey(certificate, key) && set_names(certificate, common_name)
        && set_extensions(certificate, alternative_names) && X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static size_t take_bytes(BIO *bio, uint8_t **bytes) {
    char *start = NULL;
    long count = BIO_get_mem_data(bio, &start);
    *bytes = count > 0 ? OPENSSL_memdup(start, (size_t)count) : NULL;
    if (count > 0) OPENSSL_cleanse(start, (size_t)count);
    BIO_free(bio);
    return *bytes == NULL ? 0 : (size_t)count;
}

size_t copenssl_certificate_to_pem(X509 *certificate, uint8_t **bytes) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL) return 0;
    PEM_write_bio_X509(bio, certificate);
    return take_bytes(bio, bytes);
}

size_t copenssl_key_to_pem(EVP_PKEY *key, uint8_t **bytes) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL) return 0;
    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    return take_bytes(bio, bytes);
}

size_t copenssl_public_key_to_pem(EVP_PKEY *key, uint8_t **bytes) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL) return 0;
    PEM_write_bio_PUBKEY(bio, key);
    return take_bytes(bio, bytes);
}

void copenssl_free(void *bytes, size_t count) { OPENSSL_clear_free(bytes, count); }

int copenssl_certificates_from_pem(const uint8_t *bytes, size_t count, X509 **certificates, int capacity) {
    BIO *bio = BIO_new_mem_buf(bytes, (int)count);
    if (bio == NULL) return -1;
    int found = 0;
    ERR_clear_error();
    while (found < capacity) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate == NULL) break;
        certificates[found++] = certificate;
    }
    unsigned long error = found < capacity ? ERR_peek_last_error() : 0;
    ERR_clear_error();
    BIO_free(bio);
    if (error == 0 || ERR_GET_REASON(error) == PEM_R_NO_START_LINE) return found;
    while (found > 0) X509_free(certificates[--found]);
    return -1;
}

static int no_password(char *buffer, int size, int writes, void *argument) {
    (void)buffer;
    (void)size;
    (void)writes;
    (void)argument;
    return -1;
}

EVP_PKEY *copenssl_key_from_pem(const uint8_t *bytes, size_t count) {
    BIO *bio = BIO_new_mem_buf(bytes, (int)count);
    if (bio == NULL) return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    ERR_clear_error();
    BIO_free(bio);
    return key;
}

int copenssl_certificate_fingerprint(const X509 *certificate, uint8_t digest[32]) {
    unsigned int count = 0;
    return X509_digest(certificate, EVP_sha256(), digest, &count) == 1 && count == 32;
}

int64_t copenssl_certificate_not_after(const X509 *certificate) {
    ASN1_TIME *origin = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    int known = origin != NULL && ASN1_TIME_diff(&days, &seconds, origin, X509_get0_notAfter(certificate));
    ASN1_TIME_free(origin);
    return known ? (int64_t)days * 86400 + seconds : 0;
}

int copenssl_certificate_matches_name(X509 *certificate, const char *name, size_t count) {
    return X509_check_host(certificate, name, count, 0, NULL) == 1;
}
