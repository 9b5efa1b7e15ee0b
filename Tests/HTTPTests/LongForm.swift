import Glibc

/// Whether tests run their long form: the environment variable `VIADUCT_LONG` is 1.
enum LongForm {
    static let isOn = getenv("VIADUCT_LONG").map { String(cString: $0) } == "1"
}
