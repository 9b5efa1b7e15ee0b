import Contract
import ContractTypes
import Domain
import Persistence

/// `com.vmware.appliance.local_accounts.policy`: the rules of passwords and lockout, for all users.
struct LocalAccountsPolicy: LocalAccountsPolicyService {
    let store: Store

    func get(call: Call) throws(Fault) -> ApplianceLocalAccountsPolicyInfo {
        let policy = store.snapshot.identityPolicy
        return ApplianceLocalAccountsPolicyInfo(
            maxDays: policy.maximumDays > 0 ? Int64(policy.maximumDays) : nil, minDays: Int64(policy.minimumDays),
            warnDays: Int64(policy.warningDays), priorPasswordRememberCount: Int64(policy.rememberedPasswords),
            failedAttemptCountBeforeAccountLockout: Int64(policy.failuresBeforeLockout),
            lengthOfLockoutPeriodInSeconds: Int64(policy.lockoutSeconds),
            failIntervalBetweenAttempts: Int64(policy.failureWindowSeconds), minimumLength: Int64(policy.minimumLength),
            minimumUppercaseCharCount: Int64(policy.minimumUppercase), minimumLowercaseCharCount: Int64(policy.minimumLowercase),
            minimumNumericsCharCount: Int64(policy.minimumDigits), minimumSpecialCharCount: Int64(policy.minimumSpecial),
            managedAtFleet: false)
    }

    /// - Throws: `invalid_argument` for a number out of bounds, or rules that no password satisfies.
    func set(policy info: ApplianceLocalAccountsPolicyInfo, call: Call) async throws(Fault) {
        let standard = IdentityPolicy()
        func number(_ value: Int64?, _ name: String, _ range: ClosedRange<Int64>, _ otherwise: Int) throws(Fault) -> Int {
            guard let value else { return otherwise }
            guard range.contains(value) else {
                throw .invalid("policy." + name, "it must be \(range.lowerBound) to \(range.upperBound)")
            }
            return Int(value)
        }
        if info.managedAtFleet == true { throw .unsupported("policy.managed_at_fleet", "nothing above this server sets the rules") }
        var policy = standard
        policy.maximumDays = try number(info.maxDays, "max_days", 0...36_500, standard.maximumDays)
        policy.minimumDays = try number(info.minDays, "min_days", 0...36_500, standard.minimumDays)
        policy.warningDays = try number(info.warnDays, "warn_days", 0...36_500, standard.warningDays)
        policy.rememberedPasswords = try number(
            info.priorPasswordRememberCount, "prior_password_remember_count", 0...24, standard.rememberedPasswords)
        policy.failuresBeforeLockout = try number(
            info.failedAttemptCountBeforeAccountLockout, "failed_attempt_count_before_account_lockout", 0...1000,
            standard.failuresBeforeLockout)
        policy.lockoutSeconds = try number(
            info.lengthOfLockoutPeriodInSeconds, "length_of_lockout_period_in_seconds", 0...31_536_000, standard.lockoutSeconds)
        policy.failureWindowSeconds = try number(
            info.failIntervalBetweenAttempts, "fail_interval_between_attempts", 1...31_536_000, standard.failureWindowSeconds)
        let length: ClosedRange<Int64> = 1...Int64(standard.maximumLength)
        policy.minimumLength = try number(info.minimumLength, "minimum_length", length, standard.minimumLength)
        let count: ClosedRange<Int64> = 0...32
        policy.minimumUppercase = try number(
            info.minimumUppercaseCharCount, "minimum_uppercase_char_count", count, standard.minimumUppercase)
        policy.minimumLowercase = try number(
            info.minimumLowercaseCharCount, "minimum_lowercase_char_count", count, standard.minimumLowercase)
        policy.minimumDigits = try number(info.minimumNumericsCharCount, "minimum_numerics_char_count", count, standard.minimumDigits)
        policy.minimumSpecial = try number(info.minimumSpecialCharCount, "minimum_special_char_count", count, standard.minimumSpecial)
        guard policy.minimumDays == 0 || policy.maximumDays == 0 || policy.minimumDays < policy.maximumDays else {
            throw .invalid("policy.min_days", "it must be less than max_days")
        }
        let new = policy
        try await store.commit(by: call) { (draft) throws(Fault) in
            try draft.put(new)
            draft.audit(target: new.id.rawValue, detail: "rules of passwords and lockout set")
        }
    }
}
