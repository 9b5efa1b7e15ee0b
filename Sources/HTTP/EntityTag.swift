/// A validator of one version of a resource. Source: RFC 9110 §8.8.3.
public struct EntityTag: Sendable, Equatable {
    public var isWeak: Bool
    /// Between the quotation marks.
    public var opaque: String

    /// - Parameter opaque: visible ASCII without quotation marks.
    public init(_ opaque: String, isWeak: Bool = false) {
        self.opaque = opaque
        self.isWeak = isWeak
    }

    /// Reads `"abc"` or `W/"abc"`; `nil` for anything else.
    public init?(parsing text: ArraySlice<UInt8>) {
        var rest = text
        isWeak = rest.starts(with: "W/".utf8)
        if isWeak { rest = rest.dropFirst(2) }
        guard rest.count >= 2, rest.first == Self.quote, rest.last == Self.quote else { return nil }
        rest = rest.dropFirst().dropLast()
        guard rest.allSatisfy({ $0 == 0x21 || ($0 >= 0x23 && $0 != 0x7F) }) else { return nil }
        opaque = String(decoding: rest, as: UTF8.self)
    }

    /// As a field carries it.
    public var text: String { (isWeak ? "W/\"" : "\"") + opaque + "\"" }

    /// The same bytes: for ranges and for changes. Source: RFC 9110 §8.8.3.2.
    public func stronglyEquals(_ other: EntityTag) -> Bool {
        !isWeak && !other.isWeak && opaque == other.opaque
    }

    /// As good as the same: for answering that nothing has changed.
    public func weaklyEquals(_ other: EntityTag) -> Bool { opaque == other.opaque }

    private static let quote = UInt8(ascii: "\"")

    /// The tags of an `If-Match` or `If-None-Match` field. What can't be read matches nothing.
    static func list(_ field: ArraySlice<UInt8>) -> [EntityTag] {
        var tags: [EntityTag] = []
        var start = field.startIndex
        var isQuoted = false
        for index in field.startIndex...field.endIndex {
            // A comma may lie within a tag.
            if index < field.endIndex, field[index] == quote { isQuoted.toggle() }
            guard index == field.endIndex || (field[index] == UInt8(ascii: ",") && !isQuoted) else { continue }
            if let tag = EntityTag(parsing: trimmed(field[start..<index])) { tags.append(tag) }
            start = index + 1
        }
        return tags
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text
        while let first = text.first, Characters.isBlank(first) { text.removeFirst() }
        while let last = text.last, Characters.isBlank(last) { text.removeLast() }
        return text
    }
}

/// What the conditions of a request come to.
public enum ConditionOutcome: Sendable, Equatable {
    case proceed
    /// Answer 304.
    case notModified
    /// Answer 412.
    case failed
}

extension RequestHead {
    /// Evaluates `If-Match`, `If-Unmodified-Since`, `If-None-Match` and `If-Modified-Since` in that order of precedence.
    /// Source: RFC 9110 §13.2.2.
    ///
    /// - Parameters:
    ///   - entityTag: of the current version; `nil` if there is none.
    ///   - lastModified: seconds since 1970; `nil` if unknown.
    ///   - exists: whether there is a current version; `*` asks for that.
    public func conditions(entityTag: EntityTag?, lastModified: Int64?, exists: Bool = true) -> ConditionOutcome {
        if let tags = list("if-match") {
            let matches = tags.isAny ? exists : tags.tags.contains { entityTag?.stronglyEquals($0) ?? false }
            if !matches { return .failed }
        } else if let since = moment("if-unmodified-since"), let lastModified, lastModified > since {
            return .failed
        }
        let isRead = method == .get || method == .head
        if let tags = list("if-none-match") {
            let matches = tags.isAny ? exists : tags.tags.contains { entityTag?.weaklyEquals($0) ?? false }
            if matches { return isRead ? .notModified : .failed }
        } else if isRead, let since = moment("if-modified-since"), let lastModified, lastModified <= since {
            return .notModified
        }
        return .proceed
    }

    /// All fields of that name together; `nil` if there is none.
    private func list(_ name: StaticString) -> (isAny: Bool, tags: [EntityTag])? {
        let values = values(name)
        if values.isEmpty { return nil }
        return (values.contains { $0.elementsEqual("*".utf8) }, values.flatMap { EntityTag.list($0) })
    }

    private func moment(_ name: StaticString) -> Int64? {
        value(name).flatMap { HTTPDate.unixSeconds($0) }
    }
}
