import Synchronization

/// What a value that never changes looks like on each wire, once it was written there.
///
/// For answers that are given again and again while their object stays as it is: the second time is one copy.
public final class EncodedForms: Sendable {
    private struct Forms {
        var clean: [UInt8]?
        var legacy: [UInt8]?
        var jsonRPC: [UInt8]?

        subscript(wire: Wire) -> [UInt8]? {
            get {
                switch wire {
                case .clean: clean
                case .legacy: legacy
                case .jsonRPC: jsonRPC
                }
            }
            set {
                switch wire {
                case .clean: clean = newValue
                case .legacy: legacy = newValue
                case .jsonRPC: jsonRPC = newValue
                }
            }
        }
    }

    private let forms = Mutex(Forms())

    public init() {}

    /// Writes the form of the writer's wire; `encode` makes it the first time.
    public func write(to writer: inout ValueWriter, encode: (inout ValueWriter) -> Void) {
        let wire = writer.wire
        if let known = forms.withLock({ $0[wire] }) { return writer.raw(known) }
        var own = ValueWriter(wire)
        encode(&own)
        let bytes = own.take()
        forms.withLock { $0[wire] = bytes }
        writer.raw(bytes)
    }
}
