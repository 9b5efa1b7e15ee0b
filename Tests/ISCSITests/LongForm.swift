import Glibc

/// Long campaigns run with VIADUCT_LONG=1.
enum LongForm {
    static let isOn = getenv("VIADUCT_LONG") != nil
}
