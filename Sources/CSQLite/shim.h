#ifndef VIADUCT_CSQLITE_SHIM_H
#define VIADUCT_CSQLITE_SHIM_H

#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast of -1 to a function pointer, which Swift does not import: bound bytes are copied at once.
static inline sqlite3_destructor_type csqlite_copied(void) { return SQLITE_TRANSIENT; }

#endif
