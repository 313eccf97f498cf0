import Synchronization

/// The rendered rows of the usage page. A refresh renders only those that have changed, however many browsers show the same
/// page. Usable from any task.
final class RenderedRows: Sendable {
    private struct Key: Hashable {
        var row: UsageRow
        var setting: [String]
    }

    /// The number of rows that are kept. When there are more, all are dropped.
    private static let capacity = 2_000

    private let texts = Mutex<[Key: String]>([:])

    var count: Int { texts.withLock { $0.count } }

    /// Returns the text of a row, which is rendered if it is not known.
    ///
    /// - Parameter setting: All that the text depends on besides the row.
    func text(of row: UsageRow, in setting: [String], render: () -> String) -> String {
        let key = Key(row: row, setting: setting)
        if let text = texts.withLock({ $0[key] }) { return text }
        let text = render()
        texts.withLock { texts in
            if texts.count >= Self.capacity { texts.removeAll(keepingCapacity: true) }
            texts[key] = text
        }
        return text
    }
}
