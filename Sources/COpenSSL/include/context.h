#ifndef COPENSSL_CONTEXT_H
#define COPENSSL_CONTEXT_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

// A server context for TLS 1.2 and 1.3 without compression, renegotiation and session cache (tickets only), with
// buffers released while a session is idle. NULL if memory is short.
SSL_CTX *copenssl_context_new(void);

// Each returns 1 for success.
int copenssl_context_set_ciphers(SSL_CTX *context, const char *names);
int copenssl_context_set_groups(SSL_CTX *context, const char *names);
// The certificate, its key and the rest of its chain, in order; the context takes references of its own.
int copenssl_context_set_identity(SSL_CTX *context, X509 *certificate, EVP_PKEY *key, X509 *const *chain, size_t count);

// Chosen when the client names a server: a context, or NULL to keep the present one.
typedef SSL_CTX *(*copenssl_choose_context)(const char *name, void *argument);
void copenssl_context_set_name_callback(SSL_CTX *context, copenssl_choose_context choose, void *argument);

// Accepts exactly the one protocol name (ALPN); another offer ends the handshake with no_application_protocol, and no
// offer at all is fine. `name` must outlive the context and have at most 255 bytes.
void copenssl_context_set_protocol(SSL_CTX *context, const char *name);

struct copenssl_ticket_key {
    uint8_t name[16];
    uint8_t encryption[32];
    uint8_t authentication[32];
};

// Fills `key`: with the present key if `name` is NULL, else with the one of that name.
// Returns 0 if there is none, 1 for the present key, 2 for an old one (the ticket is then renewed).
typedef int (*copenssl_find_ticket_key)(const uint8_t *name, struct copenssl_ticket_key *key, void *argument);
void copenssl_context_set_ticket_callback(SSL_CTX *context, copenssl_find_ticket_key find, void *argument);

// A client context for TLS 1.2 and 1.3 that trusts the certificates of a PEM text, or with NULL those of the system.
// NULL if there is no certificate in the text or memory is short.
SSL_CTX *copenssl_client_context_new(const uint8_t *pem, size_t count);

// 0x0303 for TLS 1.2, 0x0304 for TLS 1.3.
int copenssl_session_version(const SSL *session);

#endif
