/// Who sent a batch, and its number with that sender: what the script in Redis tells one that it has applied already by.
package struct BatchIdentity: Sendable, Hashable, Codable {
    package var producer: String
    package var sequence: Int64

    package init(producer: String, sequence: Int64) {
        self.producer = producer
        self.sequence = sequence
    }
}
