/// That a receiver as a whole fails, and not one delivery alone; as Redis keeps it, in JSON.
package struct ReceiverOutage: Sendable, Hashable, Codable {
    /// How many attempts in a row have failed so.
    package var failures: Int
    /// Since when: Unix ms, Redis's clock.
    package var since: Int64
    /// Nothing is tried before: Unix ms, Redis's clock.
    package var notBefore: Int64

    private enum CodingKeys: String, CodingKey {
        case failures, since
        case notBefore = "not_before"
    }

    package init(failures: Int, since: Int64, notBefore: Int64) {
        self.failures = failures
        self.since = since
        self.notBefore = notBefore
    }
}
