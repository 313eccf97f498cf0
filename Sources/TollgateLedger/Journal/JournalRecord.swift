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

    /// How much waits, and how the journal fares.
    package struct Depth: Sendable, Equatable {
        /// Waiting, on disk or on their way there.
        package var operations = 0
        /// Waiting, on disk or on their way there.
        package var records = 0
        /// Rejected in the file's life, also those that are kept no longer.
        package var rejected = 0
        /// Why the file could not be used; nil once something has been written again.
        package var lastError: String?
    }
}
