/// What the inventory keeps about a LUN of the array: under which number, in what guise and to whom it is shown.
///
/// Name, size, contents and thresholds are the array's own; see `LUNsAndTheirRecords` of `Services`.
public struct ArrayLUN: Resource {
    public static let kind = ResourceKind.lun
    public static let indexes: [Index<ArrayLUN>] = [
        Index("number", unique: true) { [String($0.number)] },
        Index("initiator") { $0.initiators.map(\.rawValue) },
    ]
    /// Numbers that fit the flat addressing of SAM-5 §4.7.
    public static let numbers: ClosedRange<UInt16> = 0...0x3FFF

    /// `lun-` and the number of the LUN in the array's catalogue, which is never reused.
    public let id: Identifier<ArrayLUN>
    /// Logical unit number, by which initiators address it.
    public let number: UInt16
    public var isRemovable: Bool
    /// Initiators cannot write to it, whatever the array would allow.
    public var isReadOnly: Bool
    /// Whether initiators reach it; not while it is reverted or deleted.
    public var isOnline: Bool
    /// In order, each once. The hosts of its datastore have access besides.
    public var initiators: [InitiatorName]

    public init(
        id: Identifier<ArrayLUN>, number: UInt16, isRemovable: Bool = false, isReadOnly: Bool = false, isOnline: Bool = true,
        initiators: [InitiatorName] = []
    ) {
        self.id = id
        self.number = number
        self.isRemovable = isRemovable
        self.isReadOnly = isReadOnly
        self.isOnline = isOnline
        self.initiators = initiators
    }
}
