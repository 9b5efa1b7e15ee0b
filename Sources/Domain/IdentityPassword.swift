/// What a password lacks to satisfy the policy.
public enum PasswordWeakness: Sendable, Equatable {
    case tooShort(minimum: Int)
    case tooLong(maximum: Int)
    case fewUppercase(minimum: Int)
    case fewLowercase(minimum: Int)
    case fewDigits(minimum: Int)
    case fewSpecial(minimum: Int)
    case repeatsCharacter(maximum: Int)
    /// It has a character that cannot be typed, for example NUL.
    case hasControlCharacter

    /// For people; says nothing about the password itself.
    public var sentence: String {
        switch self {
        case .tooShort(let minimum): "The password must have at least \(minimum) characters."
        case .tooLong(let maximum): "The password must have at most \(maximum) characters."
        case .fewUppercase(let minimum): "The password must have at least \(minimum) upper-case letters."
        case .fewLowercase(let minimum): "The password must have at least \(minimum) lower-case letters."
        case .fewDigits(let minimum): "The password must have at least \(minimum) digits."
        case .fewSpecial(let minimum): "The password must have at least \(minimum) special characters."
        case .repeatsCharacter(let maximum): "The password must not have more than \(maximum) equal characters in a row."
        case .hasControlCharacter: "The password must not have control characters."
        }
    }
}

extension IdentityPolicy {
    /// What is wrong with a password, history aside; empty if nothing is.
    public func weaknesses(of password: String) -> [PasswordWeakness] {
        let scalars = Array(password.unicodeScalars)
        var counts = (upper: 0, lower: 0, digits: 0, special: 0)
        for scalar in scalars {
            if scalar.properties.isUppercase {
                counts.upper += 1
            } else if scalar.properties.isLowercase {
                counts.lower += 1
            } else if scalar.properties.numericType == .decimal {
                counts.digits += 1
            } else if !scalar.properties.isAlphabetic {
                counts.special += 1
            }
        }
        var found: [PasswordWeakness] = []
        if scalars.count < minimumLength { found.append(.tooShort(minimum: minimumLength)) }
        if scalars.count > maximumLength { found.append(.tooLong(maximum: maximumLength)) }
        if counts.upper < minimumUppercase { found.append(.fewUppercase(minimum: minimumUppercase)) }
        if counts.lower < minimumLowercase { found.append(.fewLowercase(minimum: minimumLowercase)) }
        if counts.digits < minimumDigits { found.append(.fewDigits(minimum: minimumDigits)) }
        if counts.special < minimumSpecial { found.append(.fewSpecial(minimum: minimumSpecial)) }
        if Self.longestRun(scalars) > maximumIdenticalAdjacent { found.append(.repeatsCharacter(maximum: maximumIdenticalAdjacent)) }
        if scalars.contains(where: { $0.properties.generalCategory == .control }) { found.append(.hasControlCharacter) }
        return found
    }

    private static func longestRun(_ scalars: [Unicode.Scalar]) -> Int {
        var (longest, run) = (0, 0)
        for (index, scalar) in scalars.enumerated() {
            run = index > 0 && scalar == scalars[index - 1] ? run + 1 : 1
            longest = max(longest, run)
        }
        return longest
    }

    /// When a password that is set now will expire; `nil` for never.
    public func expiry(from now: Timestamp) -> Timestamp? {
        maximumDays > 0 ? Timestamp(milliseconds: now.milliseconds + Int64(maximumDays) * 86_400_000) : nil
    }
}
