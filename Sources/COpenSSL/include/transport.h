#ifndef COPENSSL_TRANSPORT_H
#define COPENSSL_TRANSPORT_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

// What the sessions of one event loop read from and write to. Sessions of a loop are used one at a time, so that they
// share one: it owns nothing of a connection between two uses.
struct copenssl_transport {
    // Received bytes not yet taken; not owned.
    const uint8_t *input;
    size_t input_count;
    // Bytes to be sent; owned, grows.
    uint8_t *output;
    size_t output_count;
    size_t output_capacity;
};

struct copenssl_transport *copenssl_transport_new(size_t output_capacity);
void copenssl_transport_free(struct copenssl_transport *transport);

// A session that reads from and writes to `transport`, which must outlive it. NULL if memory is short.
SSL *copenssl_session_new(SSL_CTX *context, struct copenssl_transport *transport);

// The client's side: it goes on only if the server's certificate is for `host`, a DNS name or a numeric address.
SSL *copenssl_client_session_new(SSL_CTX *context, struct copenssl_transport *transport, const char *host);

enum copenssl_result {
    // The operation is complete.
    COPENSSL_DONE = 0,
    // It goes on when more has been received.
    COPENSSL_WANTS_INPUT = 1,
    // The peer has said that it sends no more (close_notify).
    COPENSSL_CLOSED = 2,
    // Broken for good; an alert may lie in the output.
    COPENSSL_FAILED = 3,
};

enum copenssl_result copenssl_accept(SSL *session);
// At most `capacity` bytes into `bytes`; `count` is how many.
enum copenssl_result copenssl_read(SSL *session, void *bytes, size_t capacity, size_t *count);
enum copenssl_result copenssl_write(SSL *session, const void *bytes, size_t count);
// Puts close_notify into the output, once.
void copenssl_close(SSL *session);

// Reason of the oldest error of this thread and forgets all; 0 if there is none.
unsigned long copenssl_take_error(void);

#endif
