package import TollgateCore
import TollgateRedis

/// A filter for lists of alerts. A criterion that is nil or empty matches every alert.
package struct AlertFilter: Sendable {
    package var states: Set<Alert.State>
    package var scope: Scope?
    package var severity: Alert.Severity?

    package init(states: Set<Alert.State> = [], scope: Scope? = nil, severity: Alert.Severity? = nil) {
        self.states = states
        self.scope = scope
        self.severity = severity
    }

    /// Open and acknowledged alerts.
    package static let active = AlertFilter(states: [.open, .acknowledged])

    /// Whether some indexes contain exactly the alerts that match.
    fileprivate var isIndexed: Bool { severity == nil && (scope == nil || states.isEmpty) }

    fileprivate func matches(_ alert: Alert) -> Bool {
        (states.isEmpty || states.contains(alert.state)) && (scope == nil || alert.scope == scope)
            && (severity == nil || alert.severity == severity)
    }
}

/// Reads lists of alerts from their indexes.
struct AlertList {
    /// The maximum number of alerts read for one page, and the number read at a time.
    private static let (maxRead, portion) = (1_000, 200)

    let hashes: AlertHashes
    /// Reports malformed alerts, which lists leave out.
    let malformed: OnceLog

    private var link: StoreLink { hashes.link }
    private var keys: AlertKeys { hashes.keys }

    /// Returns the page of matching alerts before a cursor, newest first. `count` is 1 … 1000.
    ///
    /// - Throws: `.badCursor`; `.corrupt` if an index has another type.
    func page(
        _ filter: AlertFilter, before cursor: String?, atMost count: Int
    ) async throws(StoreError) -> Page<Alert> {
        let start = try cursor.map { cursor throws(StoreError) in try TimeIndex.Position(cursor: cursor) }
        let indexes = try await indexes(for: filter)
        let page = FilteredPage(
            portion: filter.isIndexed ? count : max(count, Self.portion), maxRead: Self.maxRead,
            positions: { position, count throws(StoreError) in
                try await self.positions(in: indexes, after: position, atMost: count)
            },
            items: { positions throws(StoreError) in
                try await self.hashes.alerts(positions.map(\.id), removingExpiredFrom: indexes).map { found in
                    self.readable(found).flatMap { filter.matches($0) ? $0 : nil }
                }
            },
            cursor: \.text)
        return try await page.read(after: start, atMost: count)
    }

    /// Returns open and acknowledged alerts, newest first. `count` is 1 or more.
    func active(atMost count: Int) async throws(StoreError) -> [Alert] {
        var (found, cursor): ([Alert], String?) = ([], nil)
        repeat {
            let page = try await page(.active, before: cursor, atMost: min(count - found.count, Self.maxRead))
            found += page.items
            cursor = page.next
        } while cursor != nil && found.count < count
        return found
    }

    /// Returns the smallest indexes that together contain every matching alert exactly once.
    private func indexes(for filter: AlertFilter) async throws(StoreError) -> [String] {
        let ofStates = filter.states.map { keys.inState($0) }.sorted()
        guard let scope = filter.scope else { return ofStates.isEmpty ? [keys.all] : ofStates }
        let ofScope = keys.ofScope(scope.description)
        guard !ofStates.isEmpty else { return [ofScope] }
        let candidates = [ofScope] + ofStates
        var sizes: [Int64] = []
        for (index, reply) in zip(candidates, try await link.send(candidates.map { ["ZCARD", $0] })) {
            guard case .integer(let size) = try reply.checked(of: index) else { throw .unexpectedReply(about: index) }
            sizes.append(size)
        }
        return sizes[0] <= sizes.dropFirst().reduce(0, +) ? [ofScope] : ofStates
    }

    /// Merges the positions of several indexes, newest first.
    private func positions(
        in indexes: [String], after position: TimeIndex.Position?, atMost count: Int
    ) async throws(StoreError) -> [TimeIndex.Position] {
        var found: [TimeIndex.Position] = []
        for key in indexes {
            found += try await TimeIndex(link: link, key: key).positions(after: position, atMost: count)
        }
        return Array(found.sorted { $0.precedes($1) }.prefix(count))
    }

    private func readable(_ found: Result<Alert?, StoreError>) -> Alert? {
        switch found {
        case .success(let alert): return alert
        case .failure(let error):
            malformed.warn("\(error), and is left out")
            return nil
        }
    }
}
