/// A value that is read from Redis for metrics, at most once in 15 seconds however often it is asked for. A caller waits
/// two seconds at most: a scrape that fails as a whole would hide what this process knows by itself. Usable from any task.
actor ScrapedValue<Value: Sendable> {
    private static var interval: Duration { .seconds(15) }
    private static var patience: Duration { .seconds(2) }
    private static var pause: Duration { .milliseconds(5) }

    private var last: Value?
    private var readAt: ContinuousClock.Instant?
    private var isReading = false

    /// Returns the value of the last reading, and begins another one if that is due. Nil if Redis could not be asked, or
    /// has not answered the first reading.
    func value(_ read: @escaping @Sendable () async -> Value?) async -> Value? {
        if !isReading, readAt.map({ $0 + Self.interval <= .now }) ?? true {
            isReading = true
            Task {
                let value = await read()
                (last, readAt, isReading) = (value, .now, false)
            }
        }
        let end = ContinuousClock.now + Self.patience
        while isReading, ContinuousClock.now < end { try? await Task.sleep(for: Self.pause) }
        return last
    }
}
