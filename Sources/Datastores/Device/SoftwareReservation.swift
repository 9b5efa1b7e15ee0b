import Glibc

/// Keeps COMPARE AND WRITE and its software replacement out of each other's way within this process.
///
/// RESERVE(6) would keep all other hosts from the whole LUN for as long as it is held, and every simulated host lives in
/// this process; so a host whose hardware locking is off reads, compares and writes while it alone holds this, and hosts
/// that use COMPARE AND WRITE share it.
final class SoftwareReservation: @unchecked Sendable {
    // Safe to share: the lock is set up once and destroyed never, and pthread functions are its only users.
    static let shared = SoftwareReservation()

    private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)

    private init() { pthread_rwlock_init(lock, nil) }

    func shared<Result>(_ body: () throws(VolumeError) -> Result) throws(VolumeError) -> Result {
        pthread_rwlock_rdlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        return try body()
    }

    func exclusive<Result>(_ body: () throws(VolumeError) -> Result) throws(VolumeError) -> Result {
        pthread_rwlock_wrlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        return try body()
    }
}
