/// Decides when a file that is checked repeatedly is read: once it differs from the last read and has been unchanged
/// for a while. Pure: the caller checks and reads the file. A stamp identifies a state of the file.
package struct ReadingSchedule<Stamp: Equatable & Sendable>: Sendable {
    private let quietPeriod: Duration
    private var read: Stamp
    private var seen: Stamp
    private var seenSince: ContinuousClock.Instant
    private var isRequested = false

    /// - Parameters:
    ///   - read: The stamp of the file when it was last read.
    ///   - quietPeriod: The time for which the file has to be unchanged before it is read.
    package init(read: Stamp, settling quietPeriod: Duration, at now: ContinuousClock.Instant) {
        self.quietPeriod = quietPeriod
        self.read = read
        seen = read
        seenSince = now
    }

    /// Requests that the file is read although it has not changed.
    package mutating func readAnyway() {
        isRequested = true
    }

    /// Returns whether the file is to be read now.
    ///
    /// - Parameter stamp: The current stamp of the file.
    package mutating func isDue(_ stamp: Stamp, at now: ContinuousClock.Instant) -> Bool {
        if stamp != seen { (seen, seenSince) = (stamp, now) }
        return (isRequested || seen != read) && now - seenSince >= quietPeriod
    }

    /// Records an attempt to read the file as it was at the last check. After a failure, it is due again after a while.
    package mutating func wasRead(successfully: Bool, at now: ContinuousClock.Instant) {
        isRequested = !successfully
        if successfully { read = seen } else { seenSince = now }
    }
}
