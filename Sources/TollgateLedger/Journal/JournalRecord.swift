extension Journal {
    /// Operations that wait for Redis together.
    package struct Record: Sendable, Equatable {
        /// Ascending, and never reused while the file exists. For records that are sent as one, the number of the last one.
        package var number: Int64
        /// The number of the first of the records that are sent as one; `number` for a single record.
        var first: Int64
        /// The identity under which they were first sent. If they were never sent, the journal's producer and `number`.
        package var identity: BatchIdentity
        /// The number of operations in the payload, at least 1.
        package var operations: Int
        package var payload: String
        /// The time at which the first of them was appended, Unix ms.
        package var acceptedAt: Int64
        /// The entries of the payload, if it has been parsed already.
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

        /// Returns whether the record was never sent under another identity than its number.
        func isUnsent(by producer: String) -> Bool { identity == BatchIdentity(producer: producer, sequence: number) }

        /// The entries; nil if this version cannot read them.
        var entries: [JournalEntry]? { content ?? JournalEntry.read(payload) }
    }
}

extension Journal {
    /// Consecutive records that go to Redis in one call, under one identity: all of them are applied, or none.
    struct Group: Sendable, Equatable {
        /// The records, at least one.
        let records: [Record]
        /// All records as one record, which is sent.
        let joined: Record
        /// Whether an earlier process has stored the group. Then it must not change.
        var isEarlier = false
        /// Whether the group may have been sent already, and its reply lost.
        var mayBeSent = false

        /// Creates a group under the number of the last record.
        init(_ records: [Record]) {
            self.records = records
            joined = records.count == 1 ? records[0] : Self.join(records)
        }

        private static func join(_ records: [Record]) -> Record {
            var joined = records[records.count - 1]
            joined.first = records[0].number
            joined.operations = records.reduce(0) { $0 + $1.operations }
            joined.payload = JournalEntry.joined(records.map(\.payload))
            joined.acceptedAt = records[0].acceptedAt
            let contents = records.compactMap(\.content)
            joined.content = contents.count == records.count ? Array(contents.joined()) : nil
            return joined
        }

        var numbers: ClosedRange<Int64> { joined.first...joined.number }
    }

    /// The records and groups that an earlier process has left in the file.
    struct Earlier: Sendable {
        /// The number of the last record; 0 if there is none.
        var last: Int64 = 0
        /// The first and last number of each stored group, in order.
        var groups: [ClosedRange<Int64>] = []
    }
}
