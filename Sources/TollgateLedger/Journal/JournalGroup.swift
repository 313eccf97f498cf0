extension Journal {
    /// Consecutive records that go to Redis in one call, under one identity: all of them are applied, or none.
    struct Group: Sendable, Equatable {
        /// At least one.
        let records: [Record]
        /// All of them as one record, which is what is sent.
        let joined: Record
        /// Whether an earlier life of the sidecar has written it to disk. Then it stays as it is.
        var isEarlier = false
        /// Whether it may have been sent already, and its reply lost.
        var mayBeSent = false

        /// Records under the number of the last of them.
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

    /// What an earlier life of the sidecar has left in the file.
    struct Earlier: Sendable {
        /// The last record's number; 0 where there was none.
        var last: Int64 = 0
        /// The first and the last number of each group that was written to disk, in their order.
        var groups: [ClosedRange<Int64>] = []
    }
}
