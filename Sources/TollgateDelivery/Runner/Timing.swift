/// How long delivery waits, and for what.
package struct Timing: Sendable {
    /// Between two looks for what is new, where nothing has told of it.
    package var poll = Duration.seconds(1)
    /// How long a sidecar delivers for a receiver without saying so again.
    package var lease = Duration.seconds(3)
    /// How often it says so.
    package var renewal = Duration.seconds(1)
    /// The most that an attempt takes.
    package var attempt = Duration.seconds(10)
    /// The first wait between attempts; each is twice as long as the one before it.
    package var firstRetry = Duration.seconds(1)
    /// The longest wait between attempts.
    package var slowestRetry = Duration.seconds(300)
    /// The longest wait that a receiver can ask for.
    package var maxRetryAfter = Duration.seconds(3_600)
    /// After the first attempt: what fails from then on is given up.
    package var giveUp = Duration.seconds(86_400)

    /// How far before the start of its sidecar a new receiver begins: what was opened just before a sidecar was killed, which
    /// had not come so far as to register the receiver, is delivered by the next one.
    package var reachBack = Duration.seconds(10)
    /// What nobody has read for so long is not told any more.
    package var oldest = Duration.seconds(86_400)

    package init() {}
}

extension Duration {
    /// Rounded down.
    var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
