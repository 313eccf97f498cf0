import Testing
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of which records are sent together.
@Suite struct JournalGroupingTests {
    private static let producer = "p"

    /// Records from a number on with these payloads, as the replay reads them.
    private func records(from first: Int64 = 1, _ payloads: [String]) -> [Journal.Record] {
        payloads.enumerated().map { index, payload in
            let number = first + Int64(index)
            let content = JournalEntry.read(payload)
            var record = Journal.Record(
                number: number, identity: BatchIdentity(producer: Self.producer, sequence: number),
                operations: max(content?.count ?? 1, 1), payload: payload, acceptedAt: 0)
            record.content = content
            return record
        }
    }

    private func operation(_ scope: String = "user:a", traits: String? = nil, verb: String = "record") -> String {
        let traits = traits.map { #""traits":"\#($0)","# } ?? ""
        return #"{"amounts":{"tokens":1},"scopes":["\#(scope)"],\#(traits)"verb":"\#(verb)"}"#
    }

    private func payload(_ operations: String...) -> String { payload(operations) }

    private func payload(_ operations: [String]) -> String { "[\(operations.joined(separator: ","))]" }

    private func numbers(_ groups: [Journal.Group]) -> [ClosedRange<Int64>] { groups.map(\.numbers) }

    private func grouping(
        _ groups: [ClosedRange<Int64>] = [], last: Int64 = 0, applied: Int64 = 0, sentThrough: Int64 = 0
    ) -> JournalGrouping {
        JournalGrouping(
            producer: Self.producer, earlier: Journal.Earlier(last: last, groups: groups), applied: applied,
            sentThrough: sentThrough)
    }

    @Test("records are joined in order, up to 512 operations, under the number of the last one")
    func joined() throws {
        var grouping = grouping()
        let one = payload(operation())
        let groups = grouping.take(records(Array(repeating: one, count: 700)), isEnd: true)
        #expect(numbers(groups) == [1...512, 513...700])
        let first = groups[0].joined
        #expect(first.number == 512 && first.operations == 512 && first.content?.count == 512)
        #expect(first.identity == BatchIdentity(producer: Self.producer, sequence: 512))
        #expect(JournalEntry.read(first.payload) == first.content)
        let large = payload(Array(repeating: operation(), count: 300))
        #expect(numbers(grouping.take(records([large, large, one]), isEnd: true)) == [1...1, 2...3])
    }

    @Test("a group continues over several reads, and ends if there are no more records")
    func portions() {
        var grouping = grouping()
        let one = payload(operation())
        #expect(grouping.take(records([one, one]), isEnd: false).isEmpty)
        #expect(grouping.take(records(from: 3, [one]), isEnd: false).isEmpty)
        #expect(numbers(grouping.take([], isEnd: true)) == [1...3])
        #expect(grouping.take([], isEnd: true).isEmpty)
    }

    @Test("a group has at most 256 distinct scopes, unless one record alone has more")
    func scopes() {
        var grouping = grouping()
        let users = (0..<600).map { operation("user:u\($0)") }
        #expect(
            numbers(grouping.take(records(users.map { payload($0) }), isEnd: true)) == [1...256, 257...512, 513...600])
        #expect(numbers(grouping.take(records([payload(Array(users.prefix(300)))]), isEnd: true)) == [1...1])
    }

    @Test("a user with other traits begins a new group")
    func traits() {
        var grouping = grouping()
        let payloads = [
            payload(operation(traits: "Staff")), payload(operation("user:b")), payload(operation("tool:t")),
            payload(operation("tool:t", traits: "Staff")), payload(operation("user:b", traits: "Faculty")),
            payload(operation(traits: "Staff")), payload(operation()),
        ]
        #expect(numbers(grouping.take(records(payloads), isEnd: true)) == [1...4, 5...6, 7...7])
    }

    @Test("records sent under another identity, and unreadable ones, are sent alone")
    func apart() {
        var grouping = grouping()
        let one = payload(operation())
        var records = records([
            one, one, one, "of a later version", one, payload(operation(verb: "erase")), one, one, "[]", one,
        ])
        records[2].identity = BatchIdentity(producer: "other", sequence: 7)
        #expect(
            numbers(grouping.take(records, isEnd: true)) == [1...2, 3...3, 4...4, 5...5, 6...6, 7...8, 9...9, 10...10])
    }

    @Test("a group of an earlier process stays as it is, wherever a portion ends and whatever would fit in")
    func earlier() {
        var grouping = grouping([4...6, 7...8], last: 10, applied: 3, sentThrough: 4)
        let one = payload(operation())
        let all = records(Array(repeating: one, count: 12))
        var groups = grouping.take(Array(all.prefix(5)), isEnd: false)
        groups += grouping.take(Array(all.dropFirst(5)), isEnd: true)
        #expect(numbers(groups) == [1...1, 2...2, 3...3, 4...6, 7...8, 9...12])
        #expect(groups.map(\.isEarlier) == [false, false, false, true, true, false])
        // Records behind the first one that was not applied were not sent.
        #expect(groups.map(\.mayBeSent) == [false, false, false, true, false, false])
    }

    @Test("a group of which Redis has applied a number in the middle was not sent as one")
    func neverSent() {
        var grouping = grouping([1...4], last: 8, applied: 2, sentThrough: 3)
        let groups = grouping.take(records(Array(repeating: payload(operation()), count: 8)), isEnd: true)
        #expect(numbers(groups) == [1...1, 2...2, 3...3, 4...8])
    }
}
