import Domain

extension String: WireKey {
    public init(reading reader: ValueReader) throws(Fault) { self = try reader.string() }

    public init(pathText text: String, wire: Wire) throws(Fault) { self = text }

    public init(key: String, reader: ValueReader) throws(Fault) { self = key }

    @inlinable
    public var keyText: String { self }

    @inlinable
    public func write(to writer: inout ValueWriter) { writer.string(self) }
}

extension Int64: WireKey {
    public init(reading reader: ValueReader) throws(Fault) { self = try reader.long() }

    public init(key: String, reader: ValueReader) throws(Fault) {
        guard let number = DecimalText.integer(ArraySlice(key.utf8)) else {
            throw InputFault.mismatch(expected: "Integer", found: "String")
        }
        self = number
    }

    public var keyText: String { String(self) }

    @inlinable
    public func write(to writer: inout ValueWriter) { writer.long(self) }
}

extension Bool: WireReadable, WireWritable {
    public init(reading reader: ValueReader) throws(Fault) { self = try reader.boolean() }

    @inlinable
    public func write(to writer: inout ValueWriter) { writer.boolean(self) }
}

extension Double: WireReadable, WireWritable {
    public init(reading reader: ValueReader) throws(Fault) { self = try reader.double() }

    public func write(to writer: inout ValueWriter) { writer.double(self) }
}

extension Timestamp: WireReadable, WireWritable {
    public init(reading reader: ValueReader) throws(Fault) { self = try reader.dateTime() }

    @inlinable
    public func write(to writer: inout ValueWriter) { writer.dateTime(self) }
}

extension Array: WireReadable where Element: WireReadable {
    public init(reading reader: ValueReader) throws(Fault) { self = try reader.list() }
}

extension Array: WireWritable where Element: WireWritable {
    @inlinable
    public func write(to writer: inout ValueWriter) {
        writer.beginList()
        // By index, so that an element is written where it lies; an iterator would copy it out and retain its texts.
        for index in indices {
            writer.separate()
            self[index].write(to: &writer)
        }
        writer.endList()
    }
}

extension Optional: WireReadable where Wrapped: WireReadable {
    public init(reading reader: ValueReader) throws(Fault) { self = try reader.optional() }
}

extension Optional: WireWritable where Wrapped: WireWritable {
    /// An optional that is not a field: the value or null.
    @inlinable
    public func write(to writer: inout ValueWriter) {
        switch self {
        case nil: writer.unset()
        case let value?:
            writer.beginOptional()
            value.write(to: &writer)
            writer.endOptional()
        }
    }
}

extension ValueMap: WireReadable where Key: WireKey, Value: WireReadable {
    public init(reading reader: ValueReader) throws(Fault) { self = try reader.map() }
}

extension ValueMap: WireWritable where Key: WireKey, Value: WireWritable {
    @inlinable
    public func write(to writer: inout ValueWriter) {
        writer.beginMap()
        for (key, value) in entries {
            writer.separate()
            writer.beginEntry(key)
            value.write(to: &writer)
            writer.endEntry()
        }
        writer.endMap()
    }
}
