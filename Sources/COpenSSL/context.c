#include "context.h"

#include "x509.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

// What the callbacks of a context need; lives as long as the context.
struct callbacks {
    copenssl_choose_context choose;
    void *choose_argument;
    copenssl_find_ticket_key find;
    void *find_argument;
    const char *protocol;
};

static int callbacks_index = -1;
static CRYPTO_ONCE index_once = CRYPTO_ONCE_STATIC_INIT;

static void free_callbacks(void *parent, void *data, CRYPTO_EX_DATA *set, int index, long number, void *pointer) {
    (void)parent;
    (void)set;
    (void)index;
    (void)number;
    (void)pointer;
    OPENSSL_free(data);
}

static void make_index(void) {
    callbacks_index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, NULL, NULL, free_callbacks);
}

static struct callbacks *callbacks_of(SSL_CTX *context) { return SSL_CTX_get_ex_data(context, callbacks_index); }

SSL_CTX *copenssl_context_new(void) {
    if (!CRYPTO_THREAD_run_once(&index_once, make_index) || callbacks_index < 0) return NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    struct callbacks *callbacks = OPENSSL_zalloc(sizeof *callbacks);
    if (context == NULL || callbacks == NULL || !SSL_CTX_set_ex_data(context, callbacks_index, callbacks)) {
        SSL_CTX_free(context);
        OPENSSL_free(callbacks);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    static const unsigned char identifier[] = "viaduct";
    SSL_CTX_set_session_id_context(context, identifier, sizeof identifier - 1);
    return context;
}

int copenssl_context_set_ciphers(SSL_CTX *context, const char *names) {
    return SSL_CTX_set_cipher_list(context, names);
}

int copenssl_context_set_groups(SSL_CTX *context, const char *names) {
    return (int)SSL_CTX_set1_groups_list(context, names);
}

int copenssl_context_set_identity(SSL_CTX *context, X509 *certificate, EVP_PKEY *key, X509 *const *chain, size_t count) {
    if (SSL_CTX_use_certificate(context, certificate) != 1) return 0;
    if (SSL_CTX_use_PrivateKey(context, key) != 1) return 0;
    if (SSL_CTX_check_private_key(context) != 1) return 0;
    for (size_t index = 0; index < count; index++) {
        if (SSL_CTX_add1_chain_cert(context, chain[index]) != 1) return 0;
    }
    return 1;
}

static int on_server_name(SSL *session, int *alert, void *argument) {
    (void)alert;
    struct callbacks *callbacks = argument;
    const char *name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    if (name == NULL) return SSL_TLSEXT_ERR_NOACK;
    SSL_CTX *chosen = callbacks->choose(name, callbacks->choose_argument);
    if (chosen != NULL && chosen != SSL_get_SSL_CTX(session)) SSL_set_SSL_CTX(session, chosen);
    return SSL_TLSEXT_ERR_OK;
}

void copenssl_context_set_name_callback(SSL_CTX *context, copenssl_choose_context choose, void *argument) {
    struct callbacks *callbacks = callbacks_of(context);
    callbacks->choose = choose;
    callbacks->choose_argument = argument;
    SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(context, callbacks);
}

static int on_protocols(
    SSL *session, const unsigned char **chosen, unsigned char *chosen_length, const unsigned char *offered,
    unsigned int offered_length, void *argument) {
    (void)session;
    const char *wanted = argument;
    size_t wanted_length = strlen(wanted);
    // RFC 7301 §3.1: a list of names, each after a byte with its length; OpenSSL has checked the framing.
    for (unsigned int at = 0; at < offered_length; at += 1u + offered[at]) {
        if (offered[at] == wanted_length && memcmp(offered + at + 1, wanted, wanted_length) == 0) {
            *chosen = offered + at + 1;
            *chosen_length = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void copenssl_context_set_protocol(SSL_CTX *context, const char *name) {
    SSL_CTX_set_alpn_select_cb(context, on_protocols, (void *)name);
}

// RFC 5077 §4: AES-256-CBC, then HMAC-SHA-256 over the whole.
static int on_ticket(
    SSL *session, unsigned char *name, unsigned char *vector, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypts) {
    struct callbacks *callbacks = callbacks_of(SSL_get_SSL_CTX(session));
    struct copenssl_ticket_key key;
    int found = callbacks->find(encrypts ? NULL : name, &key, callbacks->find_argument);
    if (found == 0) return 0;
    if (encrypts) {
        memcpy(name, key.name, sizeof key.name);
        if (RAND_bytes(vector, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) found = -1;
    }
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.authentication, sizeof key.authentication),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    if (found > 0
        && (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.encryption, vector, encrypts) != 1
            || EVP_MAC_CTX_set_params(mac, parameters) != 1))
        found = -1;
    OPENSSL_cleanse(&key, sizeof key);
    // TLS 1.3 clients are to use a ticket once (RFC 8446 §C.4), so that each resumption is given a new one.
    if (!encrypts && found == 1 && SSL_version(session) == TLS1_3_VERSION) return 2;
    return found;
}

void copenssl_context_set_ticket_callback(SSL_CTX *context, copenssl_find_ticket_key find, void *argument) {
    struct callbacks *callbacks = callbacks_of(context);
    callbacks->find = find;
    callbacks->find_argument = argument;
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

int copenssl_session_version(const SSL *session) { return SSL_version(session); }

static int trust(SSL_CTX *context, const uint8_t *pem, size_t count) {
    if (pem == NULL) return SSL_CTX_set_default_verify_paths(context);
    X509 *certificates[64];
    int found = copenssl_certificates_from_pem(pem, count, certificates, 64);
    int trusted = found > 0;
    for (int index = 0; index < found; index++) {
        trusted = trusted && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificates[index]);
        X509_free(certificates[index]);
    }
    // One that was made for a server alone is trusted as it stands; it has no authority above it.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
    return trusted;
}

SSL_CTX *copenssl_client_context_new(const uint8_t *pem, size_t count) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) return NULL;
    if (!trust(context, pem, count)) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return context;
}
