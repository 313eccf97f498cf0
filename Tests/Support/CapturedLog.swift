package import Logging
import Synchronization

/// A log in memory. Usable from any thread.
package final class CapturedLog: Sendable {
    private let lines = Mutex<[String]>([])

    /// Creates an empty log.
    package init() {}

    /// The entries, one a line: level, message, metadata in alphabetical order.
    package var text: String { lines.withLock { $0.joined(separator: "\n") } }

    /// A logger of all levels that writes to this log.
    package var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let words = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            log.lines.withLock { $0.append("\(event.level) \(event.message)\(words)") }
        }
    }
}
