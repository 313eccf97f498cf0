/// What the numbers of a day or a month are split by. Each is also a kind of scopes.
package enum HistoryDimension: String, CaseIterable, Sendable {
    case provider
    case tool
    case model

    /// The word used in Redis, in queries and in reports.
    package var name: String { rawValue }
}
