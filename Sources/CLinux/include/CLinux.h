#ifndef CLINUX_H
#define CLINUX_H

// What Linux offers and Swift's Glibc module does not show. No feature macros here: they belong into the .c files,
// because in a public header they change what Glibc itself looks like to Swift.
#include "net.h"
#include "file.h"

#endif
