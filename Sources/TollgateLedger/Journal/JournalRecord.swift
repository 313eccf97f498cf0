extension Journal {
    /// Operations that wait for Redis together.
    package struct Record: Sendable, Equatable {
        /// Ascending, and never used twice in the file's life.
        package var number: Int64
        /// What they were first sent as; of those never sent, the journal's own producer and `number`.
        package var identity: BatchIdentity
        /// How many the payload holds, at least 1.
        package var operations: Int
        package var payload: String
        /// When they were appended, Unix ms.
        package var acceptedAt: Int64

        package init(
            number: Int64, identity: BatchIdentity, operations: Int, payload: String, acceptedAt: Int64
        ) {
            self.number = number
            self.identity = identity
            self.operations = operations
            self.payload = payload
            self.acceptedAt = acceptedAt
        }
    }
}
