/// Who sent a batch, and its number among the sender's: the script applies each once.
package struct BatchIdentity: Sendable, Hashable, Codable {
    /// 1 … 64 of `0-9 a-z -`.
    package var producer: String
    /// From 1, ascending.
    package var sequence: Int64

    package init(producer: String, sequence: Int64) {
        self.producer = producer
        self.sequence = sequence
    }
}
