#ifndef COPENSSL_H
#define COPENSSL_H

// OpenSSL 3 as Swift can use it: functions and constants for what its headers offer as macros or by variable argument
// lists, and the memory transport of a TLS session.

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "context.h"
#include "transport.h"
#include "x509.h"

#endif
