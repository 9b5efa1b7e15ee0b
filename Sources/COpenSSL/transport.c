#include "transport.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct copenssl_transport *copenssl_transport_new(size_t output_capacity) {
    struct copenssl_transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL) return NULL;
    transport->output = malloc(output_capacity);
    transport->output_capacity = output_capacity;
    if (transport->output == NULL) {
        free(transport);
        return NULL;
    }
    return transport;
}

void copenssl_transport_free(struct copenssl_transport *transport) {
    if (transport == NULL) return;
    free(transport->output);
    free(transport);
}

static int transport_read(BIO *bio, char *bytes, size_t capacity, size_t *count) {
    struct copenssl_transport *transport = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t taken = transport->input_count < capacity ? transport->input_count : capacity;
    if (taken == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(bytes, transport->input, taken);
    transport->input += taken;
    transport->input_count -= taken;
    *count = taken;
    return 1;
}

static int transport_write(BIO *bio, const char *bytes, size_t length, size_t *count) {
    struct copenssl_transport *transport = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t needed = transport->output_count + length;
    if (needed > transport->output_capacity) {
        size_t capacity = transport->output_capacity * 2;
        if (capacity < needed) capacity = needed;
        uint8_t *grown = realloc(transport->output, capacity);
        if (grown == NULL) return 0;
        transport->output = grown;
        transport->output_capacity = capacity;
    }
    memcpy(transport->output + transport->output_count, bytes, length);
    transport->output_count = needed;
    *count = length;
    return 1;
}

static long transport_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int transport_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void) {
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory transport");
    if (method == NULL) return;
    BIO_meth_set_read_ex(method, transport_read);
    BIO_meth_set_write_ex(method, transport_write);
    BIO_meth_set_ctrl(method, transport_control);
    BIO_meth_set_create(method, transport_create);
}

SSL *copenssl_session_new(SSL_CTX *context, struct copenssl_transport *transport) {
    pthread_once(&method_once, make_method);
    if (method == NULL) return NULL;
    SSL *session = SSL_new(context);
    BIO *bio = BIO_new(method);
    if (session == NULL || bio == NULL) {
        SSL_free(session);
        BIO_free(bio);
        return NULL;
    }
    BIO_set_data(bio, transport);
    SSL_set_bio(session, bio, bio);
    SSL_set_accept_state(session);
    return session;
}

SSL *copenssl_client_session_new(SSL_CTX *context, struct copenssl_transport *transport, const char *host) {
    SSL *session = copenssl_session_new(context, transport);
    if (session == NULL) return NULL;
    SSL_set_connect_state(session);
    // RFC 6066 §3: the server name extension is for DNS names alone.
    int is_address = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host);
    if (is_address || (SSL_set1_host(session, host) && SSL_set_tlsext_host_name(session, host))) return session;
    SSL_free(session);
    return NULL;
}

static enum copenssl_result result_of(SSL *session, int code) {
    switch (SSL_get_error(session, code)) {
    case SSL_ERROR_NONE: return COPENSSL_DONE;
    case SSL_ERROR_WANT_READ: return COPENSSL_WANTS_INPUT;
    case SSL_ERROR_ZERO_RETURN: return COPENSSL_CLOSED;
    default: return COPENSSL_FAILED;
    }
}

/* A stale error would be taken for one of the call that follows. Looking is much cheaper than clearing. */
static void clear_errors(void) {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

enum copenssl_result copenssl_accept(SSL *session) {
    clear_errors();
    int code = SSL_do_handshake(session);
    return code == 1 ? COPENSSL_DONE : result_of(session, code);
}

enum copenssl_result copenssl_read(SSL *session, void *bytes, size_t capacity, size_t *count) {
    clear_errors();
    *count = 0;
    int code = SSL_read_ex(session, bytes, capacity, count);
    return code == 1 ? COPENSSL_DONE : result_of(session, code);
}

enum copenssl_result copenssl_write(SSL *session, const void *bytes, size_t count) {
    if (count == 0) return COPENSSL_DONE;
    clear_errors();
    size_t written = 0;
    int code = SSL_write_ex(session, bytes, count, &written);
    if (code != 1) return result_of(session, code);
    return written == count ? COPENSSL_DONE : COPENSSL_FAILED;
}

void copenssl_close(SSL *session) {
    ERR_clear_error();
    if ((SSL_get_shutdown(session) & SSL_SENT_SHUTDOWN) == 0 && SSL_is_init_finished(session)) SSL_shutdown(session);
    ERR_clear_error();
}

unsigned long copenssl_take_error(void) {
    unsigned long code = ERR_get_error();
    ERR_clear_error();
    return code;
}
