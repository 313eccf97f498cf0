/// Decides when a file that is looked at again and again is to be read: once it is another one than was read last, and has been
/// that for a while. Pure: the caller looks at the file and reads it.
struct ReadingSchedule {
    private let settling: Duration
    private var read: PolicyFile.Stamp?
    private var seen: PolicyFile.Stamp?
    private var seenSince: ContinuousClock.Instant
    private var isWanted = false

    /// - Parameters:
    ///   - read: what the file was when it was read last.
    ///   - settling: how long it has to stay as it is before it is read.
    init(read: PolicyFile.Stamp?, settling: Duration, at now: ContinuousClock.Instant) {
        self.settling = settling
        self.read = read
        seen = read
        seenSince = now
    }

    /// The file is to be read although it has not changed, as soon as it has settled.
    mutating func readAnyway() {
        isWanted = true
    }

    /// Returns true if the file is to be read now. `stamp` is what it is at the moment.
    mutating func isDue(_ stamp: PolicyFile.Stamp?, at now: ContinuousClock.Instant) -> Bool {
        if stamp != seen { (seen, seenSince) = (stamp, now) }
        return (isWanted || seen != read) && now - seenSince >= settling
    }

    /// The file was read as it was at the last look, or could not be: then it is tried again after a while.
    mutating func wasRead(successfully: Bool, at now: ContinuousClock.Instant) {
        isWanted = !successfully
        if successfully { read = seen } else { seenSince = now }
    }
}
