import NIOCore
package import TollgateCore
import TollgateRedis

extension AlertStore {
    /// How many alerts are read for one page, and at a time.
    private static let (maxRead, portion) = (1_000, 200)

    /// An alert in an index: by when it was opened (Unix ms), then by id.
    private struct Place: Sendable {
        var openedAt: Int64
        var id: String

        func precedes(_ other: Place) -> Bool { (openedAt, id) > (other.openedAt, other.id) }
    }

    /// The alerts that a filter lets through, newest first. What changes between two pages does not make any other be missed or come
    /// twice. A page may be short and still have a next one. One that cannot be read is left out.
    ///
    /// - Parameter count: 1 … 1000.
    /// - Throws: `.badCursor`; `.corrupt` where an index is none.
    package func alerts(
        _ filter: AlertFilter = AlertFilter(), before cursor: String? = nil, atMost count: Int
    ) async throws(StoreError) -> Page<Alert> {
        let start = try cursor.map { cursor throws(StoreError) in try Self.place(cursor) }
        let indexes = try await indexes(for: filter)
        let page = FilteredPage(
            portion: filter.isAnIndex ? count : max(count, Self.portion), most: Self.maxRead,
            places: { place, count throws(StoreError) in try await self.places(in: indexes, after: place, atMost: count)
            },
            items: { places throws(StoreError) in
                try await self.stored(places.map(\.id), in: indexes).map { found in
                    self.readable(found).flatMap { filter.matches($0) ? $0 : nil }
                }
            },
            cursor: { "\($0.openedAt) \($0.id)" })
        return try await page.read(after: start, atMost: count)
    }

    /// The alerts that are open or acknowledged, newest first. `count` is 1 or more.
    package func active(atMost count: Int) async throws(StoreError) -> [Alert] {
        var (found, cursor): ([Alert], String?) = ([], nil)
        repeat {
            let page = try await alerts(.active, before: cursor, atMost: min(count - found.count, Self.maxRead))
            found += page.items
            cursor = page.next
        } while cursor != nil && found.count < count
        return found
    }

    private static func place(_ cursor: String) throws(StoreError) -> Place {
        let parts = try PageCursor.decode(cursor).split(separator: " ", maxSplits: 1)
        guard parts.count == 2, let time = Int64(parts[0]), time >= 0 else { throw .badCursor }
        return Place(openedAt: time, id: String(parts[1]))
    }

    // MARK: - Indexes

    /// The smallest indexes that have all that the filter lets through, each of it in one of them.
    private func indexes(for filter: AlertFilter) async throws(StoreError) -> [String] {
        let ofStates = filter.states.map { keys.inState($0) }.sorted()
        guard let scope = filter.scope else { return ofStates.isEmpty ? [keys.all] : ofStates }
        let ofScope = keys.ofScope(scope.description)
        guard !ofStates.isEmpty else { return [ofScope] }
        let asked = [ofScope] + ofStates
        var sizes: [Int64] = []
        for (place, reply) in try await link.ask(asked.map { ["ZCARD", $0] }).enumerated() {
            guard case .integer(let size) = try reply.checked(of: asked[place]) else {
                throw .unexpectedReply(about: asked[place])
            }
            sizes.append(size)
        }
        return sizes[0] <= sizes.dropFirst().reduce(0, +) ? [ofScope] : ofStates
    }

    /// From the indexes together, newest first.
    private func places(
        in indexes: [String], after place: Place?, atMost count: Int
    ) async throws(StoreError) -> [Place] {
        var found: [Place] = []
        for index in indexes { found += try await places(in: index, after: place, atMost: count) }
        return Array(found.sorted { $0.precedes($1) }.prefix(count))
    }

    private func places(
        in index: String, after place: Place?, atMost count: Int
    ) async throws(StoreError) -> [Place] {
        let reply = try await link.call(
            Self.pageFunction, keys: [index],
            arguments: ["\(count)", place.map { "\($0.openedAt)" } ?? "", place?.id ?? ""])
        let words = try reply.texts(of: index)
        var places: [Place] = []
        for position in stride(from: 0, to: words.count - 1, by: 2) {
            guard let openedAt = Int64(words[position + 1]) else {
                throw .corrupt("\(index): \(words[position]): expected a time in ms")
            }
            places.append(Place(openedAt: openedAt, id: words[position]))
        }
        return places
    }

    // MARK: - Hashes

    private func readable(_ found: Result<Alert?, StoreError>) -> Alert? {
        switch found {
        case .success(let alert): return alert
        case .failure(let error):
            unreadable.warn("\(error), and is left out")
            return nil
        }
    }

    /// The alerts of these ids, nil for those that have expired; or why one cannot be read. Those that have expired are taken out of
    /// the indexes that had them.
    func stored(_ ids: [String], in indexes: [String]) async throws(StoreError) -> [Result<Alert?, StoreError>] {
        var (found, expired): ([Result<Alert?, StoreError>], [String]) = ([], [])
        for (id, reply) in zip(ids, try await link.ask(ids.map { ["HGETALL", keys.alert($0)] })) {
            do throws(StoreError) {
                let alert = try StoredAlert.alert(reply, of: keys.alert(id))
                if alert == nil { expired.append(id) }
                found.append(.success(alert))
            } catch {
                guard case .corrupt = error else { throw error }
                found.append(.failure(error))
            }
        }
        if !expired.isEmpty {
            // The next one who reads tries again where this fails.
            _ = try? await link.ask(indexes.map { ["ZREM", $0] + expired })
        }
        return found
    }
}
