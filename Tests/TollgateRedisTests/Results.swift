import Logging
import Synchronization
import TollgateRedis

/// What completions were called with, in order.
final class Results: Sendable {
    private let results = Mutex<[Result<RedisReply, RedisError>]>([])

    var all: [Result<RedisReply, RedisError>] { results.withLock(\.self) }

    func append(_ result: Result<RedisReply, RedisError>) {
        results.withLock { $0.append(result) }
    }
}

/// Keeps what is logged.
final class LogLines: Sendable {
    struct Line {
        let level: Logger.Level
        let text: String
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var logLevel = Logger.Level.debug
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(level: event.level, text: "\(event.message) \(event.metadata ?? [:])")
            lines.lines.withLock { $0.append(line) }
        }
    }

    private let lines = Mutex<[Line]>([])

    var all: [Line] { lines.withLock(\.self) }

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }
}
