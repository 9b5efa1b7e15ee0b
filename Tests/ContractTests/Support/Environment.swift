import Glibc

/// Whether the long forms were asked for.
let isLong = getenv("VIADUCT_LONG") != nil
