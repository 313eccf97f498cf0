extension Journal {
    /// Operations that wait for Redis together.
    package struct Record: Sendable, Equatable {
        /// Ascending, and never used twice in the file's life. Of records that are sent as one, the last one's.
        package var number: Int64
        /// The first number of records that are sent as one; otherwise `number`.
        var first: Int64
        /// What they were first sent as; of those never sent, the journal's own producer and `number`.
        package var identity: BatchIdentity
        /// How many the payload holds, at least 1.
        package var operations: Int
        package var payload: String
        /// When the first of them was appended, Unix ms.
        package var acceptedAt: Int64
        /// What the payload holds, for a record whose payload has been read already.
        var content: [JournalEntry]?

        /// Some of a record's operations.
        package struct Part: Sendable, Equatable {
            package var operations: Int
            package var payload: String
        }

        package init(
            number: Int64, identity: BatchIdentity, operations: Int, payload: String, acceptedAt: Int64
        ) {
            self.number = number
            first = number
            self.identity = identity
            self.operations = operations
            self.payload = payload
            self.acceptedAt = acceptedAt
        }

        /// Whether it was never sent under another identity than its number.
        func isUnsent(by producer: String) -> Bool { identity == BatchIdentity(producer: producer, sequence: number) }

        /// The operations; nil when this version cannot read them.
        var entries: [JournalEntry]? { content ?? JournalEntry.read(payload) }
    }
}
